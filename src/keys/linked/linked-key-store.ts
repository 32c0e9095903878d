import { readdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { KeyAlgorithm, PrivateKey, SigningKey } from "../../crypto/private-key.ts";
import { hasCode, KeyStoreError, reworded, TagsealError } from "../../errors.ts";
import { isErrno, systemReason } from "../../files/system-error.ts";
import { syncDirectory } from "../../files/write-atomically.ts";
import { checkedKey } from "../external/checked-key.ts";
import type { ExternalKey, KeyDriver } from "../external/key-driver.ts";
import { checkDirectory, prepareDirectory, unreadableDirectory } from "../key-directory.ts";
import { firstKeptFor, gunToKeep, isKeyId } from "../key-store.ts";
import type { KeyStore, KeyUse, StoredKey } from "../key-store.ts";
import { refuseOtherRole } from "../memory-key-store.ts";
import { type FoundLink, type LinkedKey, readLink, writeLink } from "./linked-key-file.ts";

/** How to open a {@link LinkedKeyStore}. */
export interface LinkedKeyStoreOptions {
  /** `<trust directory>/tagseal/linked-keys`; created when the first key is linked */
  readonly directory: string;
  /** opens the driver of a URI; called when a key has to sign */
  readonly driverFor: (uri: string) => Promise<KeyDriver>;
  readonly onWarning?: (warning: string) => void;
  /** where {@link LinkedKeyStore.make} makes keys; without it, none are made */
  readonly makesAt?: NewKeyPlace | undefined;
}

/** Where new keys are made. */
export interface NewKeyPlace {
  /** of a token or a service */
  readonly uri: string;
  /** what the key is called there, unless the URI says so; its role when absent */
  readonly label?: string;
}

/** More records than any user has; the rest is not read. */
const maxLinks = 10_000;

/**
 * Keys that are kept elsewhere, in tokens and by services: one small file for each, `<canonical key ID>.json`, which binds a URI to a public
 * key. The key at the URI is used only while it is that key, and each of its signatures is verified before it is handed out.
 *
 * It makes keys only where it was told to, and `remove` removes the record only. Docker and notary do not read these files.
 */
export class LinkedKeyStore implements KeyStore {
  readonly #directory: string;
  readonly #driverFor: (uri: string) => Promise<KeyDriver>;
  readonly #warn: (warning: string) => void;
  readonly #makesAt: NewKeyPlace | undefined;
  readonly #opened = new Map<string, Promise<SigningKey>>();

  constructor({ directory, driverFor, onWarning = () => undefined, makesAt }: LinkedKeyStoreOptions) {
    this.#directory = directory;
    this.#driverFor = driverFor;
    this.#warn = onWarning;
    this.#makesAt = makesAt;
  }

  async list(): Promise<readonly StoredKey[]> {
    const keys: StoredKey[] = [];
    for (const keyId of await this.#keyIds()) {
      const link = this.#readOrWarn(keyId);
      if (link !== undefined) keys.push(describe(keyId, link));
    }
    return keys;
  }

  async find(keyId: string): Promise<StoredKey | undefined> {
    const link = await this.#locate(keyId);
    return link && describe(keyId, link);
  }

  async keptFor(roles: readonly string[]): Promise<StoredKey | undefined> {
    return firstKeptFor(roles, await this.list());
  }

  async signingKey(keyId: string): Promise<SigningKey | undefined> {
    const link = await this.#locate(keyId);
    if (link === undefined) return undefined;
    const opened = this.#opened.get(keyId) ?? this.#open(keyId, link);
    this.#opened.set(keyId, opened);
    // A token may be plugged in before the next call. What it must not be asked twice, its driver remembers.
    opened.catch(() => this.#opened.delete(keyId));
    return await opened;
  }

  async make(use: KeyUse, algorithm: KeyAlgorithm): Promise<SigningKey | undefined> {
    if (this.#makesAt === undefined) return undefined;
    const { uri, label = use.role } = this.#makesAt;
    const driver = await this.#driverFor(uri);
    const subject = { role: use.role, gun: gunToKeep(use), keyId: "" };
    const made = await driver.generate(uri, { label, algorithm }, subject).catch((error: unknown) => {
      if (hasCode(error, "KEY_UNSUPPORTED")) return undefined;
      throw error;
    });
    return made && (await this.#linkMade(made, use));
  }

  /**
   * Puts a key that was made elsewhere where new keys are made, and links it once a signature has shown that it is the same key. A key that is linked
   * already stays as it is.
   *
   * @throws KeyStoreError `KEY_UNSUPPORTED` where no keys, or none of this kind, are taken in; `KEY_CHANGED`; `KEY_SERVICE_FAILED`
   */
  async take(key: PrivateKey, use: KeyUse): Promise<{ readonly key: StoredKey; readonly isKept: boolean }> {
    const { keyId } = key.publicKey;
    const known = await this.find(keyId);
    if (known !== undefined) return { key: known, isKept: true };
    if (this.#makesAt === undefined) throw new KeyStoreError("KEY_UNSUPPORTED", "No place for the key was named");
    const { uri, label = `${use.role}-${keyId.slice(0, 8)}` } = this.#makesAt;
    const driver = await this.#driverFor(uri);
    const taken = await driver.take(uri, { label, key }, { role: use.role, gun: gunToKeep(use), keyId });
    await checkedKey(taken, key.publicKey).sign(Buffer.from("Is the private half the right one?"));
    return { key: await this.link(taken, use), isKept: false };
  }

  /**
   * Records a key, so that it is used for a role from now on. A key already linked for the same role is replaced.
   *
   * @throws KeyStoreError `KEY_EXISTS` when it is linked for another role; `FILE_UNWRITABLE`, `KEY_FILE_UNSAFE`
   */
  async link({ uri, publicKey }: ExternalKey, use: KeyUse): Promise<StoredKey> {
    const { keyId } = publicKey;
    refuseOtherRole(await this.find(keyId), use);
    const link: LinkedKey = { uri, publicKey, role: use.role, gun: gunToKeep(use) };
    await prepareDirectory(this.#directory);
    await writeLink(this.#path(keyId), link);
    this.#opened.delete(keyId);
    return describe(keyId, link);
  }

  async remove(keyId: string): Promise<void> {
    if (!isKeyId(keyId)) return;
    this.#opened.delete(keyId);
    const path = this.#path(keyId);
    try {
      await rm(path);
      await syncDirectory(dirname(path));
    } catch (cause) {
      if (isErrno(cause, "ENOENT", "ENOTDIR")) return;
      throw new KeyStoreError("FILE_UNWRITABLE", `Cannot remove ${path}: ${systemReason(cause)}`, { cause });
    }
  }

  async #linkMade(made: ExternalKey, use: KeyUse): Promise<SigningKey> {
    const key = checkedKey(made, made.publicKey);
    try {
      await this.link(made, use);
    } catch (error) {
      if (!(error instanceof TagsealError)) throw error;
      const hint = `The key was made. Link it when that is fixed: tagseal trust key link --role ${use.role} '${made.uri}'`;
      throw reworded(error, { hint });
    }
    this.#opened.set(key.publicKey.keyId, Promise.resolve(key));
    return key;
  }

  async #open(keyId: string, { uri, role, gun, publicKey }: FoundLink): Promise<SigningKey> {
    const driver = await this.#driverFor(uri);
    return checkedKey(await driver.find(uri, { keyId, role, gun }), publicKey);
  }

  #path(keyId: string): string {
    return join(this.#directory, `${keyId}.json`);
  }

  async #locate(keyId: string): Promise<FoundLink | undefined> {
    if (!isKeyId(keyId) || !(await this.#isThere())) return undefined;
    return this.#read(keyId);
  }

  async #keyIds(): Promise<readonly string[]> {
    if (!(await this.#isThere())) return [];
    try {
      const names = (await readdir(this.#directory)).filter((name) => name.endsWith(".json"));
      const ids = names.map((name) => name.slice(0, -".json".length)).filter(isKeyId);
      return ids.toSorted().slice(0, maxLinks);
    } catch (cause) {
      throw unreadableDirectory(this.#directory, cause);
    }
  }

  /** @throws KeyStoreError `KEY_FILE_UNSAFE` when all users may write to the directory */
  async #isThere(): Promise<boolean> {
    try {
      await checkDirectory(this.#directory);
      return true;
    } catch (error) {
      if (isErrno(error, "ENOENT", "ENOTDIR")) return false;
      throw error instanceof KeyStoreError ? error : unreadableDirectory(this.#directory, error);
    }
  }

  #read(keyId: string): FoundLink | undefined {
    const path = this.#path(keyId);
    const link = readLink(path, keyId);
    if (link?.isLoose === true) this.#warn(`${path} may be read or changed by others: chmod 600 ${path}`);
    return link;
  }

  /** One damaged record does not spoil the list; using that key by its ID throws. */
  #readOrWarn(keyId: string): FoundLink | undefined {
    try {
      return this.#read(keyId);
    } catch (error) {
      if (!(error instanceof TagsealError)) throw error;
      this.#warn(error.message);
      return undefined;
    }
  }
}

function describe(keyId: string, { role, gun, uri }: LinkedKey): StoredKey {
  return { keyId, role, gun, location: uri, uri };
}
