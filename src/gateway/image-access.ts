/**
 * The rules of the gateway: which digest a tag stands for, which manifests may be had by digest, and which blobs. Each follows from the decision
 * about a tag or a digest that all gates make; a manifest or blob that nothing allowed lists is refused.
 */
import { hasCode, type TagsealError } from "../errors.ts";
import type { Decisions } from "../gates/decisions.ts";
import type { Verdict } from "../policy/verdict.ts";
import type { Digest } from "../reference/digest.ts";
import { formatReference, gunOf, type ImageReference } from "../reference/image-reference.ts";
import { fetchListed } from "../registry/listed-in.ts";
import { type ManifestContent, parseManifest } from "../registry/manifest.ts";
import { BoundedMap } from "../service/bounded-map.ts";
import { releasedEntries } from "../trust/reading/released-tags.ts";
import type { TrustedCollection } from "../tuf/trusted-collection.ts";
import { refusalOfVerdict } from "./gateway-refusal.ts";
import { isArtifactAbout, ReferrerClaims } from "./referrer-claims.ts";
import type { Repository } from "./served-name.ts";
import type { ListedContent, SignedContent } from "./signed-content.ts";
import type { Upstreams } from "./upstreams.ts";

/** What access is decided with. */
export interface ImageAccessParts {
  readonly decisions: Decisions;
  readonly upstreams: Upstreams;
  readonly content: SignedContent;
  readonly now: () => Date;
  /** is told every decision about a tag, and every refusal */
  readonly onVerdict: (reference: ImageReference, verdict: Verdict) => void;
  /** how long what a tag stood for may still be fetched by digest, in milliseconds: a pull under way is not cut off by a publication */
  readonly graceMs: number;
}

const maxDepth = 4;
/** what tags stood for, in memory */
const maxRecent = 100_000;

/** See the top of this file. */
export class ImageAccess {
  readonly #parts: ImageAccessParts;
  /** `GUN@digest` to the moment until which it may be fetched */
  readonly #recent = new BoundedMap<string, number>(maxRecent);
  /** one for each reading, so that a client that asks for many digests causes one */
  readonly #walks = new WeakMap<TrustedCollection, Promise<void>>();
  readonly #claims = new ReferrerClaims();

  constructor(parts: ImageAccessParts) {
    this.#parts = parts;
  }

  /**
   * The digest that a tag stands for.
   *
   * @returns undefined when the policy asks for nothing: then the registry's tag counts
   * @throws GatewayRefusal `DENIED`, `UNAVAILABLE`
   */
  async tag(name: Repository, tag: string): Promise<Digest | undefined> {
    const reference = { ...name, tag, digest: undefined };
    const { verdict } = await this.#parts.decisions.decide(reference);
    this.#parts.onVerdict(reference, verdict);
    if (verdict.outcome === "refused") throw refusalOfVerdict(verdict.error);
    if (verdict.digest !== undefined) this.#remember(name, verdict.digest);
    return verdict.digest;
  }

  /** A manifest by its digest, fetched if the policy allows it. @throws GatewayRefusal `DENIED`, `UNAVAILABLE`; NetworkError */
  async manifest(name: Repository, digest: Digest): Promise<ManifestContent> {
    await this.#require(name, digest, () => this.#parts.content.manifest(name, digest));
    return await this.#fetched(name, digest);
  }

  /**
   * Decides about a blob.
   *
   * @returns what lists it; undefined when it is allowed without
   * @throws GatewayRefusal `DENIED`, `UNAVAILABLE`
   */
  async blob(name: Repository, digest: Digest): Promise<ListedContent | undefined> {
    const listed = (): ListedContent | undefined => this.#parts.content.blob(name, digest);
    await this.#require(name, digest, listed);
    return listed();
  }

  /** Notes what a manifest lists that was fetched for a tag without a signed digest. */
  noteUnsigned(name: Repository, { descriptor, bytes }: ManifestContent): void {
    this.#remember(name, descriptor.digest);
    this.#parts.content.note(name, descriptor.digest, parseManifest(bytes, descriptor.mediaType));
  }

  /** Notes what a registry lists as referring to a manifest that may be had. */
  noteReferrers(name: Repository, subject: Digest, referrers: readonly Digest[]): void {
    this.#claims.note(name, subject, referrers);
  }

  /** Forgets what tags stood for: other policies are in force. */
  forget(): void {
    this.#recent.clear();
  }

  async #fetched(name: Repository, digest: Digest): Promise<ManifestContent> {
    const found = await this.#parts.upstreams.manifest(name, digest);
    if (!this.#parts.content.knows(name, digest))
      this.#parts.content.note(name, digest, parseManifest(found.bytes, found.descriptor.mediaType));
    return found;
  }

  /** @param listed what lists the digest, as far as it is known by now */
  async #require(name: Repository, digest: Digest, listed: () => ListedContent | undefined): Promise<void> {
    if (this.#isRecent(name, digest) || (await this.#isListed(name, listed(), 0))) return;
    const reference = { ...name, tag: undefined, digest };
    const { verdict } = await this.#parts.decisions.decideFromHeld(reference);
    if (verdict.outcome === "allowed") return;
    if (mayBeListed(verdict.error)) {
      if (await this.#refersToAllowed(name, digest)) return;
      await this.#walk(name);
      if (await this.#isListed(name, listed(), 0)) return;
      const again = await this.#parts.decisions.decide(reference);
      if (again.verdict.outcome === "allowed") return;
    }
    this.#parts.onVerdict(reference, verdict);
    throw refusalOfVerdict(verdict.error);
  }

  /** True for a claimed referrer that is an artifact about what may be had; it is fetched to see that. */
  async #refersToAllowed(name: Repository, digest: Digest): Promise<boolean> {
    const subject = this.#claims.subjectOf(name, digest);
    if (subject === undefined || !(await this.#mayBeHad(name, subject, 0))) return false;
    const { bytes, descriptor } = await this.#parts.upstreams.manifest(name, digest);
    if (!isArtifactAbout(subject, parseManifest(bytes, descriptor.mediaType))) return false;
    this.#parts.content.noteReferrer(name, descriptor, subject);
    return true;
  }

  async #isListed(name: Repository, listed: ListedContent | undefined, depth: number): Promise<boolean> {
    if (listed === undefined || depth > maxDepth) return false;
    for (const parent of listed.parents) if (await this.#mayBeHad(name, parent, depth)) return true;
    return false;
  }

  async #mayBeHad(name: Repository, digest: Digest, depth: number): Promise<boolean> {
    if (this.#isRecent(name, digest)) return true;
    const { verdict } = await this.#parts.decisions.decideFromHeld({ ...name, tag: undefined, digest });
    if (verdict.outcome === "allowed") return true;
    return await this.#isListed(name, this.#parts.content.manifest(name, digest), depth + 1);
  }

  /** Fetches the manifests of a repository that are signed now and were not seen yet, with those that they list: a client may go on after a restart. */
  async #walk(name: Repository): Promise<void> {
    const reading = await this.#parts.decisions.reading(name);
    if (!("collection" in reading)) return;
    const { collection } = reading;
    const walking = this.#walks.get(collection) ?? this.#walkThrough(name, collection);
    this.#walks.set(collection, walking);
    try {
      await walking;
    } catch (error) {
      this.#walks.delete(collection);
      throw error;
    }
  }

  async #walkThrough(name: Repository, collection: TrustedCollection): Promise<void> {
    const signed = releasedEntries(collection, () => undefined).map(({ digest }) => digest);
    const unknown = signed.filter((digest) => !this.#parts.content.knows(name, digest));
    await fetchListed({ manifest: async (digest) => await this.#fetched(name, digest) }, unknown);
  }

  #remember(name: Repository, digest: Digest): void {
    this.#recent.set(`${gunOf(name)}@${digest}`, this.#parts.now().getTime() + this.#parts.graceMs);
  }

  #isRecent(name: Repository, digest: Digest): boolean {
    const until = this.#recent.get(formatReference({ ...name, tag: undefined, digest }));
    return until !== undefined && this.#parts.now().getTime() < until;
  }
}

/** A digest that no tag is signed for may be part of what is signed. */
function mayBeListed(error: TagsealError): boolean {
  return hasCode(error, "TAG_NOT_SIGNED");
}
