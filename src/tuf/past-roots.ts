/** Roots that were current before the trusted one, for files that were signed under them. */
import { sha256 } from "../crypto/sha256.ts";
import { encodeHex } from "../encoding/hex.ts";
import { MetadataError } from "../errors.ts";
import type { RootFile } from "./metadata.ts";
import { maxFileBytes } from "./notary-v1/bounds.ts";
import { parseMetadata } from "./notary-v1/parse.ts";
import { verifyRoot } from "./root-trust.ts";
import type { MetadataSource } from "./update-options.ts";

/**
 * The roots of one collection, newest first, fetched when an older one is needed. Trust goes backwards: a root counts when it is signed by its
 * own keys and signed the next one, which counts already. A forged one would not have signed it.
 */
export class PastRoots {
  readonly #source: MetadataSource;
  readonly #gun: string;
  readonly #now: Date;
  readonly #bySha256 = new Map<string, RootFile>();
  #oldest: RootFile;
  #isAtEnd = false;

  /** @param current the trusted root of today */
  constructor(source: MetadataSource, gun: string, now: Date, current: RootFile) {
    this.#source = source;
    this.#gun = gun;
    this.#now = now;
    this.#oldest = current;
    this.#add(current);
  }

  /**
   * The root with this hash.
   *
   * @returns undefined when the source does not have it any more, or has one in its place that does not count
   * @throws TagsealError what the source throws
   */
  async withSha256(hash: string): Promise<RootFile | undefined> {
    while (!this.#bySha256.has(hash) && !this.#isAtEnd) await this.#stepBack();
    return this.#bySha256.get(hash);
  }

  async #stepBack(): Promise<void> {
    const version = this.#oldest.body.version - 1;
    const root = version < 1 ? undefined : await this.#fetch(version);
    if (root === undefined || !this.#counts(root)) {
      this.#isAtEnd = true;
      return;
    }
    this.#add(root);
    this.#oldest = root;
  }

  async #fetch(version: number): Promise<RootFile | undefined> {
    try {
      const root = parseMetadata("root", await this.#source.fetch(`${version}.root`, maxFileBytes("root")));
      return root.body.version === version ? root : undefined;
    } catch (error) {
      // missing, or not a root: what comes before cannot be verified
      if (error instanceof MetadataError) return undefined;
      throw error;
    }
  }

  #counts(root: RootFile): boolean {
    const judgement = { gun: this.#gun, now: this.#now, ignoreCertificateExpiry: true };
    try {
      verifyRoot(root, judgement);
      verifyRoot(this.#oldest, { ...judgement, previous: root });
      return true;
    } catch (error) {
      if (error instanceof MetadataError) return false;
      throw error;
    }
  }

  #add(root: RootFile): void {
    this.#bySha256.set(encodeHex(sha256(root.bytes)), root);
  }
}
