/** Reads the name of a role that a server may hold keys for, as rows and other processes spell it. */

import { TagsealError } from "../../errors.ts";
import type { ServerRole } from "../../tuf/metadata.ts";
import { isServerRole } from "../../tuf/role-name.ts";

/** The role of this name. @throws TagsealError `STORAGE_FAILED` for any other name: the row was not written by Tagseal */
export function serverRole(name: unknown): ServerRole {
  if (isServerRole(name)) return name;
  throw new TagsealError("STORAGE_FAILED", `Cannot use a signer's row: its role is ${JSON.stringify(name)}`);
}
