/** What a restored server lacks compared with the cache of this machine. Decides only: both sides are verified before. */

import type { VerifiedCollection } from "../../tuf/collection-verification.ts";
import { consistentHash } from "../../tuf/file-hashes.ts";
import type { LostFile } from "../../tuf/lost-versions.ts";
import type { RoleName, RoleVersion, RootFile } from "../../tuf/metadata.ts";
import { parseMetadata } from "../../tuf/notary-v1/parse.ts";
import type { ValidatedFile } from "../../tuf/validated-file.ts";

/** What to send. */
export interface RecoveryPlan {
  /** published unchanged, in the order in which the server checks them; each becomes current */
  readonly files: readonly ValidatedFile[];
  /** roots on the way to the newest one, and proofs of versions that the server lost */
  readonly lost: readonly LostFile[];
  /** newer here, and not sent: the server has since published another file with the same version */
  readonly replaced: readonly RoleVersion[];
  /** roots that are not cached here, without which the newer ones cannot be sent */
  readonly missingRoots: readonly number[];
  /** the server has another repository under this name */
  readonly isOther: boolean;
}

/**
 * Compares the cache of this machine with what the server has.
 *
 * Root, targets and delegations are sent if they are newer here. The snapshot is sent if it then lists exactly what the server has;
 * otherwise it is a proof like the timestamp: the server signs the next one with a higher version.
 *
 * @param served undefined when the server does not have the collection
 * @param now decides which snapshot the server still accepts
 */
export function planRecovery(
  remembered: VerifiedCollection,
  served: VerifiedCollection | undefined,
  now: Date,
): RecoveryPlan {
  return new Planning(remembered, served, now).plan();
}

class Planning {
  readonly #remembered: VerifiedCollection;
  readonly #served: VerifiedCollection | undefined;
  readonly #now: Date;
  readonly #there: ReadonlyMap<RoleName, ValidatedFile>;

  constructor(remembered: VerifiedCollection, served: VerifiedCollection | undefined, now: Date) {
    this.#remembered = remembered;
    this.#served = served;
    this.#now = now;
    this.#there = newestOf(served);
  }

  plan(): RecoveryPlan {
    const replaced = this.#replaced();
    const missingRoots = this.#missingRoots();
    const isOther = this.#isOther();
    if (isOther || missingRoots.length > 0) return { files: [], lost: [], replaced, missingRoots, isOther };
    const roots = this.#newerRoots().map(asLost);
    // Lists of tags may contradict what was published since the restore: their signers must decide.
    const files = this.#newerFiles().filter(({ role }) => role === "root" || replaced.length === 0);
    if (replaced.length === 0) files.push(...this.#wholeSnapshot());
    const sent = new Set(files.map(({ role }) => role));
    return { files, lost: [...roots.slice(0, -1), ...this.#proofs(sent)], replaced, missingRoots, isOther };
  }

  #isOther(): boolean {
    const there = new Map((this.#served?.roots ?? []).map((root) => [root.body.version, root.bytes]));
    return this.#remembered.roots.some(({ body, bytes }) => {
      const same = there.get(body.version);
      return same !== undefined && Buffer.compare(same, bytes) !== 0;
    });
  }

  /** Root, targets and delegations; the server signs snapshot and timestamp itself. */
  #published(): readonly ValidatedFile[] {
    return [...newestOf(this.#remembered).values()].filter(({ role }) => role !== "snapshot" && role !== "timestamp");
  }

  #replaced(): readonly RoleVersion[] {
    return this.#published()
      .filter((file) => {
        const there = this.#there.get(file.role);
        return there !== undefined && there.version === file.version && there.sha256 !== file.sha256;
      })
      .map(({ role, version }) => ({ role, version }));
  }

  #newerFiles(): ValidatedFile[] {
    return this.#published().filter((file) => this.#isNewerHere(file));
  }

  #newerRoots(): readonly RootFile[] {
    const there = this.#there.get("root")?.version ?? 0;
    return this.#remembered.roots.filter(({ body }) => body.version > there);
  }

  #missingRoots(): readonly number[] {
    const there = this.#there.get("root")?.version;
    const newest = this.#remembered.roots.at(-1)?.body.version ?? 0;
    const known = new Set(this.#remembered.roots.map(({ body }) => body.version));
    const missing: number[] = [];
    for (let version = (there ?? newest) + 1; version < newest; version += 1)
      if (!known.has(version)) missing.push(version);
    return missing;
  }

  /** The snapshot, if the server will have exactly the files it lists once the others have arrived, and still accepts it. */
  #wholeSnapshot(): readonly ValidatedFile[] {
    const snapshot = newestOf(this.#remembered).get("snapshot");
    if (snapshot === undefined || !this.#isNewerHere(snapshot)) return [];
    const { meta, expiresAt } = parseMetadata("snapshot", snapshot.bytes).body;
    if (expiresAt < this.#now) return [];
    const isOverridden = this.#published().some((file) => (this.#there.get(file.role)?.version ?? 0) > file.version);
    const isForAllHere = this.#published().every(({ role, sha256 }) => consistentHash(meta.get(role)) === sha256);
    const isShort = [...(this.#served?.trusted.snapshot.body.meta.keys() ?? [])].some((role) => !meta.has(role));
    return isOverridden || isShort || !isForAllHere ? [] : [snapshot];
  }

  #proofs(sent: ReadonlySet<RoleName>): readonly LostFile[] {
    const newest = newestOf(this.#remembered);
    return (["snapshot", "timestamp"] as const).flatMap((role) => {
      const file = newest.get(role);
      if (file === undefined || sent.has(role) || !this.#isNewerHere(file)) return [];
      return [{ role, version: file.version, bytes: file.bytes }];
    });
  }

  #isNewerHere({ role, version }: ValidatedFile): boolean {
    return version > (this.#there.get(role)?.version ?? 0);
  }
}

/** Roots come oldest first: the newest stays. */
function newestOf(collection: VerifiedCollection | undefined): ReadonlyMap<RoleName, ValidatedFile> {
  return new Map((collection?.files ?? []).map((file) => [file.role, file]));
}

function asLost({ bytes, body }: RootFile): LostFile {
  return { role: "root", version: body.version, bytes };
}
