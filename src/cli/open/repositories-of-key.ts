import { UsageError } from "../../errors.ts";
import { isKeyId } from "../../keys/key-store.ts";
import type { RoleName } from "../../tuf/metadata.ts";
import type { Io } from "../io.ts";
import { trustDirectoryOf } from "./directories.ts";

/** The repositories that a command line names, directly or by a key. */
export interface NamedByKey {
  readonly named: readonly string[];
  /** `--all-with-key`: canonical */
  readonly keyId: string | undefined;
  /** the role that has the key */
  readonly role: RoleName;
  /** the key is being replaced: repositories where an earlier run did not end count, and none is left when all of them did */
  readonly isReplaced?: boolean;
}

/**
 * Those that are named, and those that this machine remembers to have a key in a role.
 *
 * @returns none only for a key that was replaced everywhere
 * @throws UsageError `USAGE` for something that is not a key ID, and when nothing is named; `KEY_NOT_FOUND` when no repository has the key
 */
export async function repositoriesOfKey(wanted: NamedByKey, io: Io): Promise<readonly string[]> {
  const { named, keyId } = wanted;
  if (keyId !== undefined) return [...new Set([...named, ...(await remembered(keyId, wanted, io))])];
  if (named.length > 0) return named;
  throw new UsageError("USAGE", "give IMAGE or --all-with-key", {
    hint: "See which key is the root key of what: tagseal trust key list",
  });
}

async function remembered(keyId: string, { role, isReplaced }: NamedByKey, io: Io): Promise<readonly string[]> {
  requireKeyId(keyId);
  const { mentionsOfKey } = await import("../../trust/trust-directory/key-mentions.ts");
  const { unfinishedRotations } = await import("../../trust/trust-directory/unfinished-rotations.ts");
  const directory = trustDirectoryOf(io);
  const { mentions } = await mentionsOfKey(directory, keyId);
  const naming = mentions.filter((mention) => mention.role === role).map(({ gun }) => gun);
  const unfinished = isReplaced === true ? await unfinishedRotations(directory, role, keyId) : [];
  const guns = [...new Set([...naming, ...unfinished])].toSorted();
  if (guns.length > 0 || (isReplaced === true && (await wasReplaced(keyId, directory)))) return guns;
  throw new UsageError("KEY_NOT_FOUND", `no repository that this machine remembers has the ${role} key ${keyId}`, {
    hint: "Name the repositories. The keys and what they are for: tagseal trust key list",
  });
}

/** An earlier run made its successor. */
async function wasReplaced(keyId: string, trustDirectory: string): Promise<boolean> {
  const { RotationFile } = await import("../../trust/trust-directory/rotation-file.ts");
  return (await RotationFile.ofKey(trustDirectory, keyId).load())?.newKeyId !== undefined;
}

/** Checks the value of `--all-with-key`. @throws UsageError `USAGE` for something that is not a key ID */
export function requireKeyId(keyId: string): void {
  if (isKeyId(keyId)) return;
  throw new UsageError("USAGE", `--all-with-key: expected a key ID of 64 hexadecimal characters, got "${keyId}"`, {
    hint: "Give the name of the key's file in trust/private, without .key.",
  });
}
