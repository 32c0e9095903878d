/** What hangs together in each repository: which manifests list which manifests and blobs. Only what was fetched by its digest is noted. */
import type { Digest } from "../reference/digest.ts";
import { gunOf } from "../reference/image-reference.ts";
import type { Descriptor, Manifest } from "../registry/manifest.ts";
import { isForeignLayer } from "../registry/manifest.ts";
import type { Repository } from "./served-name.ts";

/** One manifest or blob, and the manifests that list it. */
export interface ListedContent {
  readonly descriptor: Descriptor;
  readonly parents: ReadonlySet<Digest>;
}

interface Known {
  /** the manifests whose lists are noted */
  readonly manifests: Set<Digest>;
  readonly listedManifests: Map<Digest, MutableListed>;
  readonly listedBlobs: Map<Digest, MutableListed>;
}

interface MutableListed {
  readonly descriptor: Descriptor;
  readonly parents: Set<Digest>;
}

/** See the top of this file. */
export class SignedContent {
  /** by GUN, in the order of use */
  readonly #repositories = new Map<string, Known>();
  readonly #maxListed: number;
  #listed = 0;

  /**
   * @param maxListed manifests, and places where one is listed, in memory; the least recently used repository is forgotten first, and read again when
   *   it is asked for
   */
  constructor(maxListed = 500_000) {
    this.#maxListed = maxListed;
  }

  /** Notes what a manifest lists. */
  note(name: Repository, digest: Digest, manifest: Manifest): void {
    const known = this.#made(name);
    if (known.manifests.has(digest)) return;
    known.manifests.add(digest);
    this.#listed += 1;
    const { listedManifests, listedBlobs } = known;
    const children = manifest.kind === "index" ? manifest.manifests : [];
    const blobs = manifest.kind === "image" ? [manifest.config, ...manifest.layers] : [];
    for (const child of children) this.#list(listedManifests, child, digest);
    for (const blob of blobs) if (!isForeignLayer(blob)) this.#list(listedBlobs, blob, digest);
    this.#forgetOldest();
  }

  /** Notes a manifest that refers to another, and may be had where that one may. */
  noteReferrer(name: Repository, referrer: Descriptor, subject: Digest): void {
    this.#list(this.#made(name).listedManifests, referrer, subject);
    this.#forgetOldest();
  }

  /** How many repositories are in memory. */
  get repositories(): number {
    return this.#repositories.size;
  }

  /** Answers whether the lists of a manifest are noted. */
  knows(name: Repository, digest: Digest): boolean {
    return this.#repositories.get(gunOf(name))?.manifests.has(digest) === true;
  }

  /** A manifest that others list; undefined when none is known to. */
  manifest(name: Repository, digest: Digest): ListedContent | undefined {
    return this.#use(name)?.listedManifests.get(digest);
  }

  /** A blob that manifests list; undefined when none is known to. */
  blob(name: Repository, digest: Digest): ListedContent | undefined {
    return this.#use(name)?.listedBlobs.get(digest);
  }

  /** What is known of a repository. A name that was only asked for takes no memory. */
  #use(name: Repository): Known | undefined {
    const gun = gunOf(name);
    const known = this.#repositories.get(gun);
    if (known === undefined) return undefined;
    this.#repositories.delete(gun);
    this.#repositories.set(gun, known);
    return known;
  }

  #made(name: Repository): Known {
    const known = this.#use(name) ?? { manifests: new Set(), listedManifests: new Map(), listedBlobs: new Map() };
    this.#repositories.set(gunOf(name), known);
    return known;
  }

  #list(list: Map<Digest, MutableListed>, descriptor: Descriptor, parent: Digest): void {
    const listed = list.get(descriptor.digest);
    if (listed?.parents.has(parent) === true) return;
    this.#listed += 1;
    if (listed === undefined) list.set(descriptor.digest, { descriptor, parents: new Set([parent]) });
    else listed.parents.add(parent);
  }

  #forgetOldest(): void {
    for (const [gun, known] of this.#repositories) {
      if (this.#listed <= this.#maxListed || this.#repositories.size === 1) return;
      this.#listed -= sizeOf(known);
      this.#repositories.delete(gun);
    }
  }
}

function sizeOf({ manifests, listedManifests, listedBlobs }: Known): number {
  const listed = [...listedManifests.values(), ...listedBlobs.values()];
  return listed.reduce((sum, { parents }) => sum + parents.size, manifests.size);
}
