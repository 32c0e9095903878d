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
}

/**
 * Those that are named, and those that this machine remembers to have a key in a role.
 *
 * @throws UsageError `USAGE` for something that is not a key ID, and when nothing is named; `KEY_NOT_FOUND` when no repository has the key
 */
export async function repositoriesOfKey({ named, keyId, role }: NamedByKey, io: Io): Promise<readonly string[]> {
  if (keyId !== undefined) return [...new Set([...named, ...(await remembered(keyId, role, io))])];
  if (named.length > 0) return named;
  throw new UsageError("USAGE", "give IMAGE or --all-with-key", {
    hint: "See which key is the root key of what: tagseal trust key list",
  });
}

async function remembered(keyId: string, role: RoleName, io: Io): Promise<readonly string[]> {
  requireKeyId(keyId);
  const { mentionsOfKey } = await import("../../trust/trust-directory/key-mentions.ts");
  const { mentions } = await mentionsOfKey(trustDirectoryOf(io), keyId);
  const guns = mentions.filter((mention) => mention.role === role).map(({ gun }) => gun);
  if (guns.length > 0) return guns;
  throw new UsageError("KEY_NOT_FOUND", `no repository that this machine remembers has the ${role} key ${keyId}`, {
    hint: "Name the repositories. The keys and what they are for: tagseal trust key list",
  });
}

/** Checks the value of `--all-with-key`. @throws UsageError `USAGE` for something that is not a key ID */
export function requireKeyId(keyId: string): void {
  if (isKeyId(keyId)) return;
  throw new UsageError("USAGE", `--all-with-key: expected a key ID of 64 hexadecimal characters, got "${keyId}"`, {
    hint: "Give the name of the key's file in trust/private, without .key.",
  });
}
