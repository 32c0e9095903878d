/** What an editor holds between two published states: contents without version, expiry or signatures. */

import { canonicalJson } from "../encoding/json.ts";
import { MetadataError } from "../errors.ts";
import { EditedTargets } from "./edited-targets.ts";
import type {
  Body,
  Delegations,
  RoleName,
  RootBody,
  RootFile,
  SnapshotFile,
  Target,
  TargetsBody,
  TargetsFile,
} from "./metadata.ts";
import type { ShardPlan } from "./shards/shard-index.ts";

/** A body before it is given its version and expiry. */
export type Content<B extends Body> = Omit<B, keyof Body>;

/** The published root and the content to be signed next. */
export interface RootDraft {
  /** `undefined` for a collection that was never signed */
  readonly published: RootFile | undefined;
  content: Content<RootBody>;
  changed: boolean;
}

/** Everything an editor knows. */
export interface CollectionDraft {
  readonly root: RootDraft;
  /** `targets` and every delegation with metadata, parents before children */
  readonly targets: Map<RoleName, TargetsDraft>;
  readonly snapshot: SnapshotFile | undefined;
  /** how roles are split into shards, by role */
  readonly shards: Map<RoleName, ShardPlan>;
  /** delegations removed, with everything below them */
  readonly removed: Set<RoleName>;
  /** warnings for the signer, one sentence each */
  readonly warnings: string[];
}

/** One targets file being edited. The file it came from is never touched. */
export class TargetsDraft {
  /** the file last published, as far as its content is still the starting point */
  readonly published: TargetsFile | undefined;
  /** the highest version known to be taken, 0 for none */
  readonly takenVersion: number;
  #content: Content<TargetsBody>;
  #ownEntries: EditedTargets | undefined;
  #contentBeforePurge: Content<TargetsBody> | undefined;
  #changed: boolean;

  private constructor(
    content: Content<TargetsBody>,
    takenVersion: number,
    published: TargetsFile | undefined,
    changed: boolean,
  ) {
    this.#content = content;
    this.takenVersion = takenVersion;
    this.published = published;
    this.#changed = changed;
  }

  /** Starts from a file; `changed` when it must be signed again in any case. */
  static from(published: TargetsFile, options: { readonly changed?: boolean } = {}): TargetsDraft {
    const { version, expires: _expires, expiresAt: _expiresAt, ...content } = published.body;
    return new TargetsDraft(content, version, published, options.changed ?? false);
  }

  /** Starts empty, above the version that is taken. */
  static empty(takenVersion = 0): TargetsDraft {
    const content = { type: "targets", targets: new Map(), delegations: { keys: new Map(), roles: [] } } as const;
    return new TargetsDraft(content, takenVersion, undefined, true);
  }

  /** The same draft, for a version above this one. */
  above(version: number): TargetsDraft {
    const taken = Math.max(this.takenVersion, version);
    return new TargetsDraft(this.#content, taken, this.published, this.#changed);
  }

  get content(): Content<TargetsBody> {
    return this.#content;
  }

  /** Must be signed, or the edit is lost. */
  get changed(): boolean {
    return this.#changed;
  }

  /** Changed only by a purge: signed if the keys are held, otherwise unchanged. */
  get onlyPurged(): boolean {
    return this.#contentBeforePurge !== undefined && !this.#changed;
  }

  markChanged(): void {
    this.#changed = true;
  }

  /** @returns false when the same entry was there already */
  setTarget(name: string, target: Target): boolean {
    const present = this.#content.targets.get(name);
    if (present !== undefined && sameTarget(present, target)) return false;
    this.#entries().set(name, target);
    this.#changed = true;
    return true;
  }

  /** @returns false when there was no such entry */
  deleteTarget(name: string): boolean {
    if (!this.#content.targets.has(name)) return false;
    this.#entries().delete(name);
    this.#changed = true;
    return true;
  }

  setDelegations(delegations: Delegations): void {
    this.#content = { ...this.#content, delegations };
    this.#changed = true;
  }

  /** Removes keys, provided the role can be signed at the end. */
  purge(delegations: Delegations): void {
    this.#contentBeforePurge ??= this.#content;
    this.#content = { ...this.#content, delegations };
  }

  /** The same draft without the purge, which could not be signed. */
  withoutPurge(): TargetsDraft {
    return new TargetsDraft(
      this.#contentBeforePurge ?? this.#content,
      this.takenVersion,
      this.published,
      this.#changed,
    );
  }

  #entries(): EditedTargets {
    if (this.#ownEntries === undefined) {
      this.#ownEntries = new EditedTargets(this.#content.targets);
      this.#content = { ...this.#content, targets: this.#ownEntries };
    }
    return this.#ownEntries;
  }
}

/**
 * The version after `version`. Reserves nothing above 2^31-1, which is where the reference's databases end.
 *
 * @throws MetadataError `METADATA_MALFORMED` when there is no next version
 */
export function nextVersion(role: RoleName, version: number): number {
  if (version < highestVersion) return version + 1;
  throw new MetadataError(
    "METADATA_MALFORMED",
    `${role} is at version ${version}, and ${highestVersion} is the highest there can be`,
    {
      hint: "A holder of its key used the numbers up. The only way on is a new repository: tagseal trust delete --remote IMAGE, then sign again; readers remove what they remember of it with tagseal trust delete IMAGE.",
    },
  );
}

/** The highest version a file may have: what fits the reference's database columns. */
export const highestVersion = 2 ** 31 - 1;

/** True for the same content with the same remarks. */
export function sameTarget(a: Target, b: Target): boolean {
  return a.length === b.length && sameHashes(a.hashes, b.hashes) && sameCustom(a.custom, b.custom);
}

function sameHashes(a: Target["hashes"], b: Target["hashes"]): boolean {
  if (a.size !== b.size) return false;
  return [...a].every(([algorithm, value]) => Buffer.from(value).equals(b.get(algorithm) ?? new Uint8Array(0)));
}

function sameCustom(a: Target["custom"], b: Target["custom"]): boolean {
  if (a === undefined || b === undefined) return a === b;
  return Buffer.from(canonicalJson(a)).equals(canonicalJson(b));
}
