/** One pass from the timestamp down to the delegations, over a set that has a root. Notary v1: update loop. */

import { MetadataError, hasCode } from "../errors.ts";
import type { CachedFiles } from "./cached-files.ts";
import type { MetadataFile, RoleName, TargetsFile } from "./metadata.ts";
import { isWithin } from "./role-name.ts";
import { mayBeSharded, shardIndexOf } from "./shards/shard-index.ts";
import { readFromShard } from "./shards/shard-reading.ts";
import {
  type AllowedFallback,
  loadTimestamp,
  type RunningUpdate,
  type TimestampAnswer,
  type TimestampOrigin,
} from "./timestamp-update.ts";
import type { TrustedMetadata } from "./trusted-metadata.ts";
import type { UpdateOptions } from "./update-options.ts";

/** The most delegations that one update loads, and the bytes they may have together. */
const maxLoadedDelegations = 10_000;
const maxDelegationBytes = 512 * 1024 * 1024;

/**
 * Loads everything below the root into the set of trusted files, from the cache where it is current, from the server otherwise.
 *
 * @param asked the server's timestamp, if it was requested already
 * @throws MetadataError for anything that must not be trusted; what the source throws
 */
export async function updateBelowRoot(
  update: RunningUpdate,
  allowed: AllowedFallback = { cachedTimestamp: true },
  asked?: Promise<TimestampAnswer>,
): Promise<UpdatedBelowRoot> {
  const origin = await loadTimestamp(update, allowed, asked);
  const pass = new UpdatePass(update);
  await pass.loadRole("snapshot");
  await pass.loadRole("targets");
  await pass.loadDelegations(update.trusted.targets);
  return { origin, parts: pass.parts };
}

/** The result of a pass. */
export interface UpdatedBelowRoot {
  readonly origin: TimestampOrigin;
  /** roles of which only what they say about one name was read, by name */
  readonly parts: ReadonlyMap<RoleName, TargetsFile>;
}

class UpdatePass {
  readonly #options: UpdateOptions;
  readonly #files: CachedFiles;
  readonly #trusted: TrustedMetadata;
  readonly #update: RunningUpdate;
  readonly parts = new Map<RoleName, TargetsFile>();
  #delegations = 0;
  #delegationBytes = 0;

  constructor(update: RunningUpdate) {
    const { options, files, trusted } = update;
    this.#update = update;
    this.#options = options;
    this.#files = files;
    this.#trusted = trusted;
  }

  async loadRole(role: RoleName): Promise<MetadataFile> {
    return (await this.#loadCached(role)) ?? (await this.#loadRemote(role));
  }

  /** A role, then what is below it, then its siblings; names are bounded, and so is the depth. */
  async loadDelegations(parent: TargetsFile | undefined): Promise<void> {
    for (const { name } of parent?.body.delegations.roles ?? []) {
      if (!this.#isWanted(name) || (await this.#readPart(name))) continue;
      await this.#loadDelegation(name);
      const file = this.#trusted.delegations.get(name);
      // Shards only repeat what the whole role says.
      if (file !== undefined && shardIndexOf(file) === undefined) await this.loadDelegations(file);
    }
  }

  /** True when a shard of the role says all that is asked for. */
  async #readPart(role: RoleName): Promise<boolean> {
    const { onlyTarget } = this.#options;
    const part = onlyTarget === undefined ? undefined : await readFromShard(this.#update, role, onlyTarget);
    if (part !== undefined) this.parts.set(role, part);
    return part !== undefined;
  }

  /** The cached file if it is exactly the one that the snapshot names. A fault in it is then a fault in the server's copy, too. */
  async #loadCached(role: RoleName): Promise<MetadataFile | undefined> {
    const cached = await this.#files.latest(role);
    if (cached === undefined) return undefined;
    const rootMeta = this.#trusted.rootMeta;
    try {
      return this.#trusted.load(role, cached, { minVersion: await this.#minVersion(role) });
    } catch (error) {
      const isOtherFile = hasCode(error, "METADATA_HASH_MISMATCH", "METADATA_LENGTH_MISMATCH");
      // A snapshot that is only refused because it names another root is the right file: the root is old.
      if (!isOtherFile || this.#trusted.rootMeta !== rootMeta) throw error;
      return undefined;
    }
  }

  /** A cached file is not older than itself, but it may be older than what was read from shards since. */
  async #minVersion(role: RoleName): Promise<number> {
    if (!mayBeSharded(role)) return 1;
    return (await this.#files.copiedVersion(role, this.#trusted.signersOf(role))) ?? 1;
  }

  async #loadRemote(role: RoleName): Promise<MetadataFile> {
    const minVersion = (await this.#files.trustedVersion(role, this.#trusted.signersOf(role))) ?? 1;
    const { name, maxBytes } = this.#trusted.expected(role);
    const earlier = await this.#files.latest(role);
    const bytes = await this.#options.source.fetch(name, maxBytes, earlier?.bytes);
    const file = this.#trusted.load(role, bytes, { minVersion });
    await this.#files.store(file);
    return file;
  }

  /**
   * A delegation that is not trusted (any more) is omitted with a warning; one with another fault is an error, like any other file.
   *
   * Off-spec: the reference also omits one whose own keys, unchanged, signed an earlier version and not this one. Only a holder of
   * the snapshot key can cause that, to make readers fall back to what other roles say.
   */
  async #loadDelegation(role: RoleName): Promise<void> {
    const { meta } = this.#trusted.expected(role);
    if (meta === undefined) return await this.#refuseToForget(role);
    this.#countDelegation(role, meta.length);
    try {
      await this.loadRole(role);
    } catch (error) {
      if (!hasCode(error, "METADATA_THRESHOLD_NOT_MET", "METADATA_EXPIRED")) throw error;
      if (hasCode(error, "METADATA_THRESHOLD_NOT_MET") && (await this.#wasTrusted(role))) throw disowned(role, error);
      this.#options.onWarning?.({
        kind: "delegation-skipped",
        message: `Error getting ${role}: ${error.message}`,
        role,
        error,
      });
    }
  }

  /**
   * Off-spec: the reference accepts a snapshot that no longer lists a delegation its parent still declares, and falls back to other
   * roles. A holder of the snapshot key alone could thus make signed tags disappear, or older ones come back.
   */
  async #refuseToForget(role: RoleName): Promise<void> {
    if (!(await this.#wasTrusted(role))) return;
    throw new MetadataError(
      "METADATA_VERSION_ROLLBACK",
      `the snapshot no longer lists ${role}, which was trusted before and is still delegated to`,
      {
        hint: "Unless its owner tells you why, treat it as an attack.",
      },
    );
  }

  /** True when the cached file verifies with the current keys of the role. */
  async #wasTrusted(role: RoleName): Promise<boolean> {
    return await this.#files.wasTrustedBy(role, this.#trusted.signersOf(role));
  }

  #countDelegation(role: RoleName, bytes: number): void {
    this.#delegations++;
    this.#delegationBytes += bytes;
    if (this.#delegations <= maxLoadedDelegations && this.#delegationBytes <= maxDelegationBytes) return;
    throw new MetadataError(
      "TOO_LARGE",
      `more delegations than an update may load (${this.#delegations} at ${role}, ${this.#delegationBytes} bytes)`,
    );
  }

  #isWanted(role: RoleName): boolean {
    const { roles } = this.#options;
    return roles === undefined || roles.some((wanted) => isWithin(wanted, role));
  }
}

function disowned(role: RoleName, cause: MetadataError): MetadataError {
  return new MetadataError("METADATA_THRESHOLD_NOT_MET", cause.message, {
    cause,
    hint: `Keys that signed ${role} as it was seen here before did not sign this one. Unless its owner tells you why, treat it as an attack; if the owner does, remove the cached file of ${role}.`,
  });
}
