import { MetadataError } from "../errors.ts";
import type { MetadataFile, RoleName } from "../tuf/metadata.ts";
import { parseMetadata } from "../tuf/notary-v1/parse.ts";
import { isSignedBy } from "../tuf/threshold.ts";
import type { RoleSigners } from "../tuf/role-signers.ts";
import type { FileVersion } from "../server/storage/stored-file.ts";
import type { VerifiedCollection } from "../tuf/collection-verification.ts";

/** Where a file is kept. */
type FilePlace = Pick<FileVersion, "role" | "version">;

/** Keys a role ever had: no honest history has more. */
const maxSignersPerRole = 10_000;

/**
 * Verifies files of the past: what a role signed before its current version, with the keys that any root or parent gave it. Which of them was current
 * at the time is no longer known, so this proves that the owner signed the file, not that it was ever current.
 */
export class HistoryJudge {
  readonly #current: ReadonlyMap<RoleName, number>;
  /** by role, then by content, each once */
  readonly #signers = new Map<RoleName, Map<string, RoleSigners>>();

  constructor({ files, roots }: VerifiedCollection) {
    this.#current = new Map(files.map(({ role, version }) => [role, version]));
    for (const root of roots) this.#learn(root);
    for (const { role, bytes } of files) if (role.startsWith("targets")) this.#learn(parseMetadata(role, bytes));
  }

  /**
   * Accepts a file of the past, and its delegations. Files come after those that delegate to them.
   *
   * @throws MetadataError `METADATA_VERSION_MISMATCH` for a file that is not older than the current one, or has another version than stated;
   *   `METADATA_THRESHOLD_NOT_MET`; whatever `parseMetadata` refuses
   */
  accept(place: FilePlace, bytes: Uint8Array): void {
    const { role, version } = place;
    if (version >= (this.#current.get(role) ?? 0))
      throw new MetadataError("METADATA_VERSION_MISMATCH", `it is not older than the current ${role}`);
    this.believe(place, bytes);
  }

  /**
   * The same for a file of any version, whose role may no longer be current.
   *
   * @throws as {@link accept}
   */
  believe({ role, version }: FilePlace, bytes: Uint8Array): void {
    const file = parseMetadata(role, bytes);
    if (file.body.version !== version)
      throw new MetadataError("METADATA_VERSION_MISMATCH", `it says of itself that it is version ${file.body.version}`);
    const known = [...(this.#signers.get(role)?.values() ?? [])];
    if (!known.some(({ roleKeys, keys }) => isSignedBy(file, roleKeys, keys)))
      throw new MetadataError("METADATA_THRESHOLD_NOT_MET", "it is not signed by keys this role is known to have had");
    this.#learn(file);
  }

  /** Whether a root, or an accepted file, ever gave this role keys. */
  knows(role: RoleName): boolean {
    return this.#signers.has(role);
  }

  #learn({ body }: MetadataFile): void {
    if (body.type === "root") {
      for (const [role, roleKeys] of body.roles) this.#add(role, { roleKeys, keys: body.keys });
    } else if (body.type === "targets") {
      for (const declared of body.delegations.roles ?? [])
        this.#add(declared.name, { roleKeys: declared, keys: body.delegations.keys });
    }
  }

  #add(role: RoleName, signers: RoleSigners): void {
    const known = this.#signers.get(role) ?? new Map<string, RoleSigners>();
    this.#signers.set(role, known);
    const { keyIds, threshold } = signers.roleKeys;
    if (known.size < maxSignersPerRole) known.set(JSON.stringify([threshold, keyIds]), signers);
  }
}
