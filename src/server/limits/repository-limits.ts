/** The operator's limits per prefix, and which of them apply to a publication. */

import type { RoleName } from "../../tuf/metadata.ts";
import { isDelegation } from "../../tuf/role-name.ts";
import type { StoredRoles } from "../../tuf/stored-roles.ts";
import { covers, type UsageLimit } from "../storage/usage-limit.ts";

/** A file that is about to be stored. */
interface Upload {
  readonly role: RoleName;
  readonly bytes: Uint8Array;
}

/** Less than the size of a tag, and enough for the other differences when the same content is signed again: a longer version number, another time. */
const sameSizeSlack = 64;

/** The limits in force. They may be replaced while the server runs. */
export class RepositoryLimits {
  #limits: readonly UsageLimit[];

  constructor(limits: readonly UsageLimit[] = []) {
    this.#limits = limits;
  }

  /** The current limits. */
  get all(): readonly UsageLimit[] {
    return this.#limits;
  }

  /** Replaces the limits, for later publications. */
  replace(limits: readonly UsageLimit[]): void {
    this.#limits = limits;
  }

  /**
   * The limits that a publication must not pass: all that cover its name when it makes a repository, those of bytes when it signs more than before,
   * and no others. A publisher over a limit can still sign again, move or remove a tag, and replace a stolen key.
   *
   * @param stored what is stored before the publication
   */
  async bindingOn(gun: string, stored: StoredRoles, files: readonly Upload[]): Promise<readonly UsageLimit[]> {
    const covering = this.#limits.filter(({ prefix }) => covers(prefix, gun));
    if (covering.length === 0 || (await stored.current("timestamp")) === undefined) return covering;
    return (await isLarger(stored, files)) ? covering.filter(({ bytes }) => bytes !== undefined) : [];
  }
}

/** Whether more tags or delegations are listed than in the versions that these files replace, by their size. */
async function isLarger(stored: StoredRoles, files: readonly Upload[]): Promise<boolean> {
  let growth = 0;
  for (const { role, bytes } of files) {
    if (role !== "targets" && !isDelegation(role)) continue;
    const replaced = await stored.current(role);
    growth += bytes.length - (replaced?.bytes.length ?? 0) - (replaced === undefined ? 0 : sameSizeSlack);
  }
  return growth > 0;
}
