/**
 * Checks whether a stored collection is complete, and whether a reader with an empty cache accepts it: the code that clients verify with reads from the store.
 */

import { isServerRole } from "../../tuf/role-name.ts";
import { sha256Hex } from "../../crypto/sha256.ts";
import { MetadataError, TagsealError, type ErrorCode } from "../../errors.ts";
import type { RoleName, ServerRole } from "../../tuf/metadata.ts";
import { updateCollection, type MetadataCache } from "../../tuf/updater.ts";
import { type VerifiedCollection, verifyCollection } from "../../tuf/collection-verification.ts";
import { storedSource } from "../storage/stored-source.ts";
import type { MetadataStore } from "../storage/metadata-store.ts";
import type { FileVersion } from "../storage/stored-file.ts";
import type { Finding, Findings } from "./findings.ts";
import { type HoldsKey, holdsOneOf } from "./server-held-keys.ts";

/**
 * The result of one check. Problems are what some or all readers refuse, and what is damaged; warnings are what readers ignore, and what a
 * running server repairs.
 */
export interface CollectionCheck extends Findings {
  readonly gun: string;
  /** whose bytes were compared with their name */
  readonly files: number;
}

/** What to check, and the clock. */
export interface CheckInput {
  readonly store: MetadataStore;
  readonly gun: string;
  readonly now: Date;
  readonly holdsKey: HoldsKey;
}

/** Publications continue meanwhile: an apparent problem is checked again if another state is current by then. */
const maxAttempts = 5;

/**
 * Checks one collection: the bytes of every stored file, superseded ones included, and everything that is current as a reader would.
 *
 * @returns undefined when there is no such collection
 * @throws TagsealError `STORAGE_FAILED`
 */
export async function checkCollection(input: CheckInput): Promise<CollectionCheck | undefined> {
  const { store, gun } = input;
  for (let attempt = 1; ; attempt += 1) {
    const before = await store.current(gun, "timestamp");
    const found = await new Check(input).run();
    if (found === undefined || found.problems.length === 0 || attempt === maxAttempts) return found;
    if ((await store.current(gun, "timestamp"))?.sha256 === before?.sha256) return found;
  }
}

class Check {
  readonly #input: CheckInput;
  readonly #problems: Finding[] = [];
  readonly #warnings: Finding[] = [];

  constructor(input: CheckInput) {
    this.#input = input;
  }

  async run(): Promise<CollectionCheck | undefined> {
    const { gun, store } = this.#input;
    const versions = await store.versions(gun);
    if (versions.length === 0) return undefined;
    for (const file of versions) await this.#compareBytes(file);
    this.#compareRoots(versions);
    await this.#compareRevision();
    const collection = await this.#verified();
    const refusal = await this.#readersRefusal();
    if (refusal !== undefined) await this.#weigh(refusal, collection);
    if (collection !== undefined) await this.#tellWarnings(collection);
    return { gun, files: versions.length, problems: this.#problems, warnings: this.#warnings };
  }

  /** A row that was removed meanwhile is not a problem. */
  async #compareBytes({ role, version, sha256 }: FileVersion): Promise<void> {
    const file = await this.#input.store.byVersion(this.#input.gun, role, version);
    if (file === undefined || file.sha256 !== sha256) return;
    const found = sha256Hex(file.bytes);
    if (found === sha256) return;
    this.#problem(
      "METADATA_HASH_MISMATCH",
      `the stored bytes of ${role} ${version} have the hash ${found}, expected ${sha256}`,
    );
  }

  /** Readers go from root to root. The first ones may be missing in an imported collection, which has only new readers. */
  #compareRoots(versions: readonly FileVersion[]): void {
    const roots = versions.filter(({ role }) => role === "root").map(({ version }) => version);
    roots.forEach((version, index) => {
      const before = roots[index - 1];
      if (before === undefined || version === before + 1) return;
      const missing = version === before + 2 ? `root ${before + 1} is` : `roots ${before + 1} to ${version - 1} are`;
      this.#problem("METADATA_MISSING", `${missing} missing: readers that trust root ${before} cannot follow`);
    });
  }

  /** A shared database names the current timestamp in a row: the next publication is compared with it. */
  async #compareRevision(): Promise<void> {
    const { store, gun } = this.#input;
    const revisions = await store.revision([gun]);
    if (typeof revisions === "string") return;
    const said = revisions.get(gun)?.split(" ").at(-1);
    const current = (await store.current(gun, "timestamp"))?.sha256 ?? "null";
    if (said === current) return;
    const message = `the database names ${said ?? "nothing"} as the current timestamp, and the newest one is ${current}`;
    this.#problem("METADATA_HASH_MISMATCH", message);
  }

  async #verified(): Promise<VerifiedCollection | undefined> {
    const { store, gun, now } = this.#input;
    try {
      return await verifyCollection({ gun, source: storedSource(store, gun), now });
    } catch (error) {
      this.#note(error);
      return undefined;
    }
  }

  async #readersRefusal(): Promise<TagsealError | undefined> {
    const { store, gun, now } = this.#input;
    try {
      await updateCollection({ gun, source: storedSource(store, gun), cache: forgetfulCache(), now });
      return undefined;
    } catch (error) {
      if (error instanceof MetadataError) return error;
      throw error;
    }
  }

  /** What only the server has let expire, it signs again on the first request after its start, unless it is known not to have the key. */
  async #weigh(refusal: TagsealError, collection: VerifiedCollection | undefined): Promise<void> {
    if (this.#problems.some(({ code }) => code === refusal.code)) return;
    const renewable = collection !== undefined && (await this.#renewable(collection));
    if (refusal.code === "METADATA_EXPIRED" && renewable)
      return this.#warning(refusal.code, `${refusal.message}: the server signs it again when it runs`);
    this.#problem(
      refusal.code,
      `readers refuse it: ${refusal.message}${refusal.hint === undefined ? "" : ` (${refusal.hint})`}`,
    );
  }

  async #renewable(collection: VerifiedCollection): Promise<boolean> {
    for (const role of expiredRoles(collection)) {
      if (role !== "timestamp" && role !== "snapshot") return false;
      if ((await this.#isHeld(collection, role)) === false) return false;
    }
    return true;
  }

  async #isHeld(collection: VerifiedCollection, role: ServerRole): Promise<boolean | undefined> {
    const { holdsKey, gun } = this.#input;
    const keyIds = collection.roots.at(-1)?.body.roles.get(role)?.keyIds;
    return await holdsOneOf(holdsKey, gun, role, keyIds);
  }

  async #tellWarnings(collection: VerifiedCollection): Promise<void> {
    const told = new Set([...this.#problems, ...this.#warnings].map(({ code }) => code));
    for (const { code, message, role } of collection.warnings) {
      const isTold = told.has(code) && (code === "METADATA_MISSING" || isServerRole(role));
      if (!isTold) this.#warning(code, message);
    }
    if ((await this.#isHeld(collection, "timestamp")) === false)
      this.#warning(
        "KEY_NOT_FOUND",
        "no timestamp key of the root is the server's: it cannot sign the timestamp again",
      );
  }

  /** @throws errors that are not findings about the collection */
  #note(error: unknown): void {
    if (!(error instanceof TagsealError) || error.code === "STORAGE_FAILED") throw error;
    this.#problem(error.code, error.message);
  }

  #problem(code: ErrorCode, message: string): void {
    this.#problems.push({ code, message });
  }

  #warning(code: ErrorCode, message: string): void {
    this.#warnings.push({ code, message });
  }
}

function expiredRoles({ warnings }: VerifiedCollection): readonly (RoleName | undefined)[] {
  return warnings.filter(({ code }) => code === "METADATA_EXPIRED").map(({ role }) => role);
}

/** The cache of a new reader: what is stored during one update is kept for its duration. */
function forgetfulCache(): MetadataCache {
  const files = new Map<RoleName, Uint8Array>();
  return {
    load: async (role) => files.get(role),
    store: async (role, bytes) => void files.set(role, bytes),
  };
}
