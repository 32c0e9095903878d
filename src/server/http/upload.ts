import type { LostFile } from "../../tuf/lost-versions.ts";
import type { RoleName } from "../../tuf/metadata.ts";
import { isRoleName } from "../../tuf/role-name.ts";
import type { Upload } from "../collections/publications.ts";
import { WireError } from "./wire-error.ts";

/**
 * The files of an upload by role. The last file of a role counts, and a timestamp does not: the server makes its own.
 *
 * Off-spec: files named `<version>.<role>`, as such files are fetched, bring back what this server published once and has lost.
 *
 * @param files each with its name, without `.json`
 * @throws WireError `INVALID_ROLE`
 */
export function uploadOf(files: Iterable<readonly [string, Uint8Array]>): Upload {
  const uploads = new Map<RoleName, Uint8Array>();
  const lost: LostFile[] = [];
  for (const [name, bytes] of files) {
    const place = lostPlace(name);
    if (place !== undefined) lost.push({ ...place, bytes });
    // Off-spec: Notary also refuses a timestamp part that is not JSON, before it ignores it.
    else if (roleOf(name) !== "timestamp") uploads.set(name, bytes);
  }
  return { uploads, lost };
}

function lostPlace(name: string): Pick<LostFile, "role" | "version"> | undefined {
  const [, version, role] = /^([1-9]\d{0,9})\.(root|snapshot|timestamp)$/u.exec(name) ?? [];
  return role === "root" || role === "snapshot" || role === "timestamp"
    ? { role, version: Number(version) }
    : undefined;
}

function roleOf(name: string): RoleName {
  if (!isRoleName(name)) throw new WireError("INVALID_ROLE", { detail: name });
  return name;
}
