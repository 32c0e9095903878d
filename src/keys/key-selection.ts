import { KeyStoreError, UsageError } from "../errors.ts";

/** As many characters of a key ID as prompts and lists show. */
const shortestPrefix = 7;

/**
 * The IDs that a user means: whole, or their beginnings of at least seven characters, as prompts show them.
 *
 * @param where completes "There is no key … ": `in the backup`
 * @throws KeyStoreError `KEY_NOT_FOUND`; UsageError `USAGE` for a text too short, or a beginning that several keys share
 */
export function findKeyIds(
  wanted: readonly string[],
  keys: readonly { readonly keyId: string }[],
  where: string,
): readonly string[] {
  return wanted.map((text) => findKeyId(text, keys, where));
}

function findKeyId(text: string, keys: readonly { readonly keyId: string }[], where: string): string {
  const found = keys.filter(({ keyId }) => keyId.startsWith(text));
  const [first] = found;
  if (text.length < shortestPrefix || found.length > 1)
    throw new UsageError("USAGE", `"${text}" does not name one key`, {
      hint: `Give the ID of a key, or so many of its first characters (at least ${shortestPrefix}) that only one key has them.`,
    });
  if (first === undefined) throw new KeyStoreError("KEY_NOT_FOUND", `There is no key ${text} ${where}`);
  return first.keyId;
}
