/**
 * What the use cases need from outside, as contracts that this folder owns: where trust data is read and published, who this machine is to
 * a trust server, and what it remembers. Key stores are a contract of `keys/`, pins one of `tuf/`. `open-trust-context.ts` alone knows
 * the usual implementations.
 */

import type { PublicKey } from "../crypto/public-key.ts";
import type { Credentials, LoginTarget } from "../docker-config/credentials.ts";
import type { RoleName, ServerRole } from "../tuf/metadata.ts";
import type { Proposal } from "../tuf/proposals/proposal.ts";
import type { MetadataCache, MetadataSource } from "../tuf/updater.ts";

/**
 * Where the trust data of one collection is read and published: a trust server, or something in its place. It makes the timestamp, and
 * the snapshot unless that is published, with keys that only it has. Every implementation runs `test/contract/trust-repository.ts`.
 */
export interface TrustRepository extends MetadataSource {
  /** the address, for messages and results: a URL without secrets; that of a server has no trailing slash */
  readonly url: string;
  /** what a sentence calls it, such as the host of a server */
  readonly name: string;
  /** its clock at its last answer, to the second; undefined while unknown, and where it has no separate clock */
  readonly answeredAt?: Date | undefined;

  /**
   * Publishes files: all or none, and only if their versions are still free. Returns once they are durable.
   *
   * @param files by role; names such as `3.root` and `4.snapshot` are versions that it lost, see `tagseal trust recover-server`
   * @param earlier what is published now, by role, which may save sending what has not changed
   * @throws NetworkError `PUBLISH_CONFLICT` when another publisher was faster; `TRUST_SERVER_REFUSED` with the reason, and what it said as
   *   `serverCode`; others may mean that the answer was lost and the files are published
   */
  publish(files: ReadonlyMap<RoleName, Uint8Array>, earlier?: ReadonlyMap<RoleName, Uint8Array>): Promise<void>;

  /**
   * The key it holds for a role, made for a collection that it does not know yet.
   *
   * @throws NetworkError `RESPONSE_MALFORMED` for an unusable key, and as `fetch`
   */
  getKey(role: ServerRole): Promise<PublicKey>;

  /**
   * The key to name next for a role: the same one until a root names it, and never the one that the root names now.
   *
   * @throws NetworkError as {@link TrustRepository.getKey}
   */
  rotateKey(role: ServerRole): Promise<PublicKey>;

  /**
   * Deletes the collection; one that is not there is no error.
   *
   * @throws NetworkError `AUTHENTICATION_REFUSED` without the rights of an administrator, and as `fetch`
   */
  delete(): Promise<void>;

  /** where it keeps proposed changes; undefined for one that never does. A server may still answer that it does not */
  readonly proposals?: ProposalPlace | undefined;

  /** True when the last change of the collection is its deletion, as far as it can tell. @throws NetworkError as `fetch`, without an answer */
  wasDeleted(): Promise<boolean>;
}

/** What became of a proposal. `complete`: it has all signatures, and only the owner can make the snapshot that it needs. */
export type SubmittedState = "open" | "complete" | "published";

/**
 * Where the proposals of one collection wait for signatures. Every method throws NetworkError `PROPOSALS_UNSUPPORTED` when the server keeps none, and as
 * `TrustRepository.fetch`; what it presents is not verified.
 */
export interface ProposalPlace {
  /** The IDs of those that are open, oldest first. */
  list(): Promise<readonly string[]>;
  /** @throws MetadataError `PROPOSAL_NOT_FOUND`, `PROPOSAL_MALFORMED` */
  find(id: string): Promise<Proposal>;
  /**
   * Adds a proposal, or its signatures to the one that is kept. One that has all signatures is published, whole or not at all.
   *
   * @throws MetadataError `PROPOSAL_OVERTAKEN`; NetworkError `TRUST_SERVER_REFUSED`
   */
  submit(proposal: Proposal): Promise<SubmittedState>;
  /** @throws MetadataError `PROPOSAL_NOT_FOUND` */
  withdraw(id: string): Promise<void>;
}

/**
 * Who this machine is to the trust server of a collection. Asked when the server demands a login, never before, and once for each context.
 *
 * @param target the registry and the repository of the collection: trust servers take the logins of registries
 * @returns what to show to the server, or to its token service; undefined: nothing, as an anonymous user
 * @throws UsageError when logins cannot be read; TagsealError `CANCELLED`: the operation fails with it
 */
export type TrustCredentials = (target: LoginTarget, signal?: AbortSignal) => Promise<Credentials | undefined>;

/**
 * What this machine remembers of one collection, and what its processes agree on: of two updates that overlap, the older one does not take
 * the memory back. Every implementation runs `test/contract/trust-cache.ts`.
 */
export interface TrustCache extends MetadataCache {
  /**
   * Runs `work` while no other process of this machine publishes to the collection, if it can. An optimisation, not a guarantee; without it
   * `work` runs at once.
   */
  exclusively?<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T>;
  /** Removes all that this machine has of the collection, staged changes included; keys are elsewhere. */
  remove?(): Promise<void>;
  /**
   * Remembers one root and nothing else, as after {@link remove} and `store`. If that is interrupted, the old root or the new one is remembered,
   * never none: a first use would follow.
   */
  rememberOnly?(root: Uint8Array): Promise<void>;
  /** How many changes another tool (docker, notary) staged here for its next publish; without it none. */
  stagedChanges?(): Promise<number>;
}
