/** Keys as users name them: by the ID, or by its beginning, as prompts and lists show it. */
import { KeyStoreError, UsageError } from "../errors.ts";

/** As many characters of a key ID as prompts and lists show: shorter beginnings are refused. */
const shortestPrefix = 7;

/** A key among which a user chooses. */
export interface SelectableKey {
  readonly keyId: string;
  readonly role: string;
}

/**
 * The key that a user means.
 *
 * @param idsOf all IDs under which a key is known
 * @returns undefined when there is none
 * @throws UsageError `USAGE` for what is not the beginning of an ID, `KEY_AMBIGUOUS` when it fits several keys
 */
export function selectKey<K extends SelectableKey>(
  text: string,
  keys: readonly K[],
  idsOf: (key: K) => readonly string[] = ({ keyId }) => [keyId],
): K | undefined {
  const prefix = text.toLowerCase();
  if (!/^[0-9a-f]{1,64}$/u.test(prefix) || prefix.length < shortestPrefix) {
    const expected = `expected 64 hexadecimal digits, or the first ${shortestPrefix}`;
    throw new UsageError("USAGE", `"${text}" is not a key ID: ${expected}`, {
      hint: "See the IDs of the keys here: tagseal trust key list",
    });
  }
  const found = keys.filter((key) => idsOf(key).some((id) => id.startsWith(prefix)));
  if (found.length <= 1) return found[0];
  const candidates = found.map(({ keyId, role }) => `${keyId} (${role})`).join(", ");
  throw new UsageError("KEY_AMBIGUOUS", `${text} fits ${found.length} keys: ${candidates}`, {
    hint: "Give more characters of the ID.",
  });
}

/**
 * The IDs that a user means.
 *
 * @param where completes "There is no key … ": `in the backup`
 * @throws KeyStoreError `KEY_NOT_FOUND`; UsageError as {@link selectKey}
 */
export function findKeyIds(
  wanted: readonly string[],
  keys: readonly SelectableKey[],
  where: string,
): readonly string[] {
  return wanted.map((text) => {
    const key = selectKey(text, keys);
    if (key === undefined) throw new KeyStoreError("KEY_NOT_FOUND", `There is no key ${text} ${where}`);
    return key.keyId;
  });
}
