import type { RoleName } from "../tuf/metadata.ts";
import type { TrustCache } from "./ports.ts";

/** A memory that lasts as long as the process: for a collection that is being made again, and for rehearsals. */
export class MemoryTrustCache implements TrustCache {
  readonly #files = new Map<RoleName, Uint8Array>();
  readonly #roots = new Map<number, Uint8Array>();
  #beneath: TrustCache | undefined;

  /** @param beneath asked for what this memory does not have, until all is removed; never changed */
  constructor(beneath?: TrustCache) {
    this.#beneath = beneath;
  }

  async load(role: RoleName): Promise<Uint8Array | undefined> {
    return this.#files.get(role) ?? (await this.#beneath?.load(role));
  }

  async store(role: RoleName, bytes: Uint8Array): Promise<void> {
    this.#files.set(role, bytes);
  }

  async keepPastRoot(version: number, bytes: Uint8Array): Promise<void> {
    this.#roots.set(version, bytes);
  }

  async pastRoot(version: number): Promise<Uint8Array | undefined> {
    return this.#roots.get(version) ?? (await this.#beneath?.pastRoot?.(version));
  }

  async rememberOnly(root: Uint8Array): Promise<void> {
    await this.remove();
    this.#files.set("root", root);
  }

  async remove(): Promise<void> {
    this.#files.clear();
    this.#roots.clear();
    this.#beneath = undefined;
  }
}
