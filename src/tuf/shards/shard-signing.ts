/** Signs the shards of a role that has just been signed: those that it changed, and the index. */

import { sha256 } from "../../crypto/sha256.ts";
import { nextVersion, type TargetsDraft } from "../collection-draft.ts";
import { EditedTargets } from "../edited-targets.ts";
import { expiryAfter, isNearExpiry, lifetimeMs } from "../expiry.ts";
import type {
  DelegatedRole,
  Delegations,
  RoleName,
  SnapshotBody,
  Target,
  TargetsBody,
  TargetsFile,
} from "../metadata.ts";
import { signRole, type SigningKeys, type SigningRequirement } from "../role-signing.ts";
import { copyOf, LongestPrefix } from "./shard-entries.ts";
import { indexEntry, indexRoleOf, type ShardPlan, shardRole } from "./shard-index.ts";

/** What shards are signed with. */
export interface ShardSigning {
  /** of the copied role */
  readonly requirement: SigningRequirement;
  readonly keys: SigningKeys;
  readonly now: Date;
  /** what is published */
  readonly snapshot: SnapshotBody | undefined;
  /** sign every shard again, changed or not */
  readonly resignAll: boolean;
}

/**
 * Signs what a new version of a role makes necessary: the shards whose entries it changed, or all when the published ones are not of the version
 * before it; and the index.
 *
 * Their versions are one behind the role's, so that none of these files can be presented in its place to a reader who has seen that version.
 *
 * @param copied as it was just signed; it has entries
 * @param draft what it was signed from
 * @throws as `signRole`
 */
export async function signShards(
  copied: TargetsFile,
  draft: TargetsDraft,
  plan: ShardPlan,
  signing: ShardSigning,
): Promise<ReadonlyMap<RoleName, Uint8Array>> {
  return await new ShardSigner(copied, plan, signing).sign(changedNames(draft, plan, signing));
}

/** The names that a role changed since its shards were signed; undefined when all shards must be signed again. */
function changedNames(draft: TargetsDraft, plan: ShardPlan, signing: ShardSigning): readonly string[] | undefined {
  if (!isCurrent(draft, plan, signing)) return undefined;
  const { targets } = draft.content;
  const before = draft.published?.body.targets;
  if (targets === before) return [];
  return targets instanceof EditedTargets && targets.base === before
    ? [...targets.added.keys(), ...targets.removed]
    : undefined;
}

function isCurrent(
  { published: copied }: TargetsDraft,
  { published: index, prefixes }: ShardPlan,
  { requirement, now, snapshot, resignAll }: ShardSigning,
): boolean {
  if (index === undefined || copied === undefined || snapshot === undefined || resignAll) return false;
  const isSame =
    index.shards.length === prefixes.length && index.shards.every((each, at) => each.prefix === prefixes[at]);
  if (!isSame || !sha256(copied.bytes).equals(index.sha256)) return false;
  if (isNearExpiry({ ...index.file.body, expiresAt: index.expiresAt }, now)) return false;
  const { roleKeys } = requirement;
  const isOfKeys = (role: DelegatedRole): boolean =>
    role.threshold === roleKeys.threshold && (role.keyIds ?? []).every((id) => roleKeys.keyIds?.includes(id) === true);
  if (!(index.file.body.delegations.roles ?? []).every(isOfKeys)) return false;
  return index.shards.every((shard) => {
    const listed = snapshot.meta.get(shard.role)?.hashes.get("sha256");
    return listed !== undefined && Buffer.from(listed).equals(shard.sha256);
  });
}

class ShardSigner {
  readonly #copied: TargetsFile;
  readonly #plan: ShardPlan;
  readonly #signing: ShardSigning;
  readonly #files = new Map<RoleName, Uint8Array>();
  readonly #prefixOf: LongestPrefix;

  constructor(copied: TargetsFile, plan: ShardPlan, signing: ShardSigning) {
    this.#copied = copied;
    this.#plan = plan;
    this.#signing = signing;
    this.#prefixOf = new LongestPrefix(plan.prefixes);
  }

  async sign(changed: readonly string[] | undefined): Promise<ReadonlyMap<RoleName, Uint8Array>> {
    const { prefixes, published } = this.#plan;
    const again = new Set(changed === undefined ? prefixes : changed.map((name) => this.#prefixOf.of(name)));
    const entries = this.#entriesOf(again);
    const hashes: Uint8Array[] = [];
    for (const [at, prefix] of prefixes.entries()) {
      const kept = again.has(prefix) ? undefined : published?.shards[at]?.sha256;
      hashes.push(kept ?? (await this.#signShard(shardRole(this.#copied.role, at), entries.get(prefix) ?? [])));
    }
    await this.#signIndex(hashes, changed === undefined ? undefined : published?.expiresAt);
    return this.#files;
  }

  #entriesOf(prefixes: ReadonlySet<string | undefined>): ReadonlyMap<string, readonly (readonly [string, Target])[]> {
    const entries = new Map<string, [string, Target][]>();
    for (const [name, target] of this.#copied.body.targets) {
      const prefix = this.#prefixOf.of(name);
      if (prefix === undefined || !prefixes.has(prefix)) continue;
      const list = entries.get(prefix) ?? [];
      list.push([name, copyOf(target)]);
      entries.set(prefix, list);
    }
    return entries;
  }

  async #signShard(role: RoleName, entries: readonly (readonly [string, Target])[]): Promise<Uint8Array> {
    return sha256(await this.#signFile(role, new Map(entries), { keys: new Map(), roles: [] }));
  }

  async #signIndex(shards: readonly Uint8Array[], firstExpiry: Date | undefined): Promise<void> {
    const { role: copied, body, bytes } = this.#copied;
    const { prefixes } = this.#plan;
    const { roleKeys, keys } = this.#signing.requirement;
    const [name] = body.targets.keys();
    if (name === undefined) return;
    const { version, expiresAt } = body;
    const content = { copied, version, sha256: sha256(bytes), length: bytes.length, shards };
    const entry = indexEntry({ ...content, expiresAt: firstExpiry ?? expiresAt });
    const { keyIds, threshold } = roleKeys;
    const roles = prefixes.map((prefix, at) => ({ keyIds, threshold, name: shardRole(copied, at), paths: [prefix] }));
    await this.#signFile(indexRoleOf(copied), new Map([[name, entry]]), delegationsTo(roles, keys));
  }

  async #signFile(role: RoleName, targets: ReadonlyMap<string, Target>, delegations: Delegations): Promise<Uint8Array> {
    const { requirement, keys, now } = this.#signing;
    const version = nextVersion(role, this.#takenVersion(role));
    const body: TargetsBody = { type: "targets", targets, delegations, version, ...expiryAfter(now, lifetimeMs(role)) };
    const { bytes } = await signRole(role, body, [requirement], keys);
    this.#files.set(role, bytes);
    return bytes;
  }

  #takenVersion(role: RoleName): number {
    const behind = this.#copied.body.version - 2;
    const index = this.#plan.published?.file;
    return role === index?.role ? Math.max(behind, index.body.version) : Math.max(behind, 0);
  }
}

/** What a file declares that delegates to these roles alone. */
export function delegationsTo(roles: readonly DelegatedRole[], keys: SigningRequirement["keys"]): Delegations {
  const ids = new Set(roles.flatMap(({ keyIds }) => keyIds ?? []));
  return { keys: new Map([...keys].filter(([id]) => ids.has(id))), roles };
}
