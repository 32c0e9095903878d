import { join } from "node:path";
import { readPrivateKeyBlock, isEncryptedBlock } from "../crypto/private-key-pem.ts";
import type { KeyAlgorithm, PrivateKey } from "../crypto/private-key.ts";
import type { PemBlock } from "../encoding/pem.ts";
import { KeyStoreError, MetadataError, TagsealError } from "../errors.ts";
import { hasModes } from "../files/private-modes.ts";
import { isErrno } from "../files/system-error.ts";
import { checkDirectory, findKeyFiles, tightenMode, prepareDirectory } from "./key-directory.ts";
import { defaultIterations, encryptKeyBlock, readKeyFile, removeKeyFile, writeKeyFile } from "./key-file.ts";
import type { KeyFile } from "./key-file.ts";
import { protectionOf } from "./key-protection.ts";
import { firstKeptFor, isKeyId, makeAndAdd } from "./key-store.ts";
import type { KeyUse, PemKeyStore, StoredKey } from "./key-store.ts";
import { refuseOtherRole } from "./memory-key-store.ts";
import { migrateOldLayout } from "./old-layout.ts";
import { PassphraseKeeper } from "./passphrase-keeper.ts";
import type { PassphraseSource } from "./passphrase.ts";

/** How to open a {@link FileKeyStore}. */
export interface FileKeyStoreOptions {
  /** `<trust directory>/private`; created when the first key is written */
  readonly directory: string;
  readonly passphrases: PassphraseSource;
  /** rounds of passphrase stretching for keys written here; default and least sensible value 600,000 */
  readonly iterations?: number;
  /** called with a sentence about each file that is readable by others, damaged or unsafe */
  readonly onWarning?: (warning: string) => void;
}

/**
 * The key directory Docker and Notary use, in their format: one encrypted PEM file a key, `<canonical key ID>.key`, with
 * its role and GUN as headers. All three programs can use it at the same time.
 *
 * Files are written atomically with mode 0600 in directories of mode 0700. Looser modes cause a warning and are corrected on
 * the next write; files that all users may write are refused. Symbolic links are ignored. Keys of older layouts are moved
 * to the current layout on first use.
 *
 * @see Notary v1: key storage on disk
 */
export class FileKeyStore implements PemKeyStore {
  readonly #directory: string;
  readonly #iterations: number;
  readonly #warn: (warning: string) => void;
  readonly #keeper: PassphraseKeeper;
  /** unlocked keys: stretching a passphrase takes a good part of a second, once is enough */
  readonly #unlocked = new Map<string, Promise<PrivateKey>>();
  #opened: Promise<void> | undefined;

  constructor(options: FileKeyStoreOptions) {
    this.#directory = options.directory;
    this.#iterations = options.iterations ?? defaultIterations;
    this.#warn = warnOnce(options.onWarning);
    this.#keeper = new PassphraseKeeper(options.passphrases, this.#warn);
  }

  async list(): Promise<readonly StoredKey[]> {
    await this.#open();
    const found = await findKeyFiles(this.#directory);
    const keys: StoredKey[] = [];
    for (const [keyId, path] of found) {
      const file = await this.#readOrWarn(path);
      if (file !== undefined) keys.push(describe(keyId, file));
    }
    return keys.toSorted((a, b) => (a.keyId < b.keyId ? -1 : 1));
  }

  async find(keyId: string): Promise<StoredKey | undefined> {
    const file = await this.#locate(keyId);
    return file && describe(keyId, file);
  }

  async keptFor(roles: readonly string[]): Promise<StoredKey | undefined> {
    return firstKeptFor(roles, await this.list());
  }

  async signingKey(keyId: string): Promise<PrivateKey | undefined> {
    const file = await this.#locate(keyId);
    if (file === undefined) return undefined;
    const known = this.#unlocked.get(keyId);
    if (known !== undefined) return known;
    const unlocking = this.#unlock(keyId, file);
    this.#unlocked.set(keyId, unlocking);
    // A failure is not cached: the next caller may have the right passphrase.
    unlocking.catch(() => this.#unlocked.delete(keyId));
    return unlocking;
  }

  async make(use: KeyUse, algorithm: KeyAlgorithm): Promise<PrivateKey> {
    return await makeAndAdd(this, use, algorithm);
  }

  async add(key: PrivateKey, use: KeyUse): Promise<StoredKey> {
    const { keyId } = key.publicKey;
    refuseOtherRole(await this.find(keyId), use);
    const passphrase = await this.#keeper.forNewKey({ keyId, role: use.role, gun: use.gun });
    const stored = await this.#write(keyId, encryptKeyBlock(key, use, passphrase, this.#iterations));
    this.#unlocked.set(keyId, Promise.resolve(key));
    return stored;
  }

  async remove(keyId: string): Promise<void> {
    this.#unlocked.delete(keyId);
    // Other programs may have put copies into subdirectories.
    for (let file = await this.#locate(keyId); file !== undefined; file = await this.#locate(keyId)) {
      await removeKeyFile(file.path);
    }
  }

  async changePassphrase(keyId: string, fresh = true): Promise<void> {
    const file = await this.#locate(keyId);
    const key = await this.signingKey(keyId);
    if (file === undefined || key === undefined)
      throw new KeyStoreError("KEY_NOT_FOUND", `There is no key ${keyId} in ${this.#directory}`);
    const subject = { keyId, role: file.role, gun: file.gun };
    const passphrase = await this.#keeper.forNewKey(subject, fresh);
    const { bytes, label } = encryptKeyBlock(key, { role: file.role }, passphrase, this.#iterations);
    await this.#write(keyId, { label, bytes, headers: file.block.headers });
    await this.#keeper.changed(subject, passphrase);
  }

  /** The stored PEM block, still encrypted, for export; undefined when absent. Throws as `find`. */
  async block(keyId: string): Promise<PemBlock | undefined> {
    return (await this.#locate(keyId))?.block;
  }

  /**
   * Stores an encrypted block, as import needs; replaces an existing key, whatever its role.
   *
   * @throws KeyStoreError `FILE_UNWRITABLE`, `KEY_FILE_UNSAFE`; MetadataError `KEY_MALFORMED` for an impossible key ID
   */
  async putBlock(keyId: string, block: PemBlock): Promise<StoredKey> {
    if (!isKeyId(keyId)) throw new MetadataError("KEY_MALFORMED", `${JSON.stringify(keyId)} is not a key ID`);
    await this.#open();
    this.#unlocked.delete(keyId);
    return this.#write(keyId, block);
  }

  /** The keeper of this store's passphrases, shared with import. */
  get passphrases(): PassphraseKeeper {
    return this.#keeper;
  }

  /** Encrypts a key for this store without storing it. */
  seal(key: PrivateKey, use: KeyUse, passphrase: string): PemBlock {
    return encryptKeyBlock(key, use, passphrase, this.#iterations);
  }

  async #open(): Promise<void> {
    this.#opened ??= migrateOldLayout(this.#directory, this.#warn);
    try {
      await this.#opened;
    } catch (error) {
      // The next call checks again: the owner may have fixed the problem.
      this.#opened = undefined;
      throw error;
    }
  }

  async #locate(keyId: string): Promise<KeyFile | undefined> {
    if (!isKeyId(keyId)) return undefined;
    await this.#open();
    await this.#checkDirectory();
    const usual = await readKeyFile(join(this.#directory, `${keyId}.key`));
    const file = usual ?? (await this.#locateBelow(keyId));
    if (file?.isLoose) this.#warnLoose(file.path);
    return file;
  }

  async #locateBelow(keyId: string): Promise<KeyFile | undefined> {
    const path = (await findKeyFiles(this.#directory)).get(keyId);
    return path === undefined ? undefined : readKeyFile(path);
  }

  async #checkDirectory(): Promise<void> {
    try {
      await checkDirectory(this.#directory);
    } catch (error) {
      // Absent: no keys yet.
      if (!isErrno(error, "ENOENT", "ENOTDIR")) throw error;
    }
  }

  async #readOrWarn(path: string): Promise<KeyFile | undefined> {
    try {
      const file = await readKeyFile(path);
      if (file?.isLoose) this.#warnLoose(path);
      return file;
    } catch (error) {
      // One damaged file does not spoil the list; using that key by its ID throws.
      if (!(error instanceof TagsealError)) throw error;
      this.#warn(error.message);
      return undefined;
    }
  }

  #warnLoose(path: string): void {
    this.#warn(`Key file ${path} may be read or changed by others; its mode is corrected when a key is next written.`);
  }

  async #unlock(keyId: string, file: KeyFile): Promise<PrivateKey> {
    const open = (passphrase: string) => readPrivateKeyBlock(file.block, passphrase);
    const key = isEncryptedBlock(file.block)
      ? await this.#keeper.unlock({ keyId, role: file.role, gun: file.gun }, open)
      : open("");
    if (key.publicKey.keyId === keyId) return key;
    throw new MetadataError("KEY_MALFORMED", `Key file ${file.path} holds another key: ${key.publicKey.keyId}`);
  }

  async #write(keyId: string, block: PemBlock): Promise<StoredKey> {
    const path = join(this.#directory, `${keyId}.key`);
    await prepareDirectory(this.#directory);
    await writeKeyFile(path, block);
    await this.#tightenModes();
    const gun = block.headers.get("gun");
    const role = block.headers.get("role") ?? "delegation";
    return describe(keyId, { path, block, role, gun, isLoose: false, mode: hasModes ? 0o600 : undefined });
  }

  async #tightenModes(): Promise<void> {
    for (const path of (await findKeyFiles(this.#directory)).values()) {
      const file = await this.#readOrWarn(path);
      if (file?.isLoose) await tightenMode(path, 0o600);
    }
  }
}

function describe(keyId: string, file: KeyFile): StoredKey {
  const { role, gun, path: location, mode, block } = file;
  return { keyId, role, gun, location, protection: protectionOf(block), ...(mode === undefined ? {} : { mode }) };
}

/** The same file is read many times in one run; one warning about it is enough. */
function warnOnce(onWarning: (warning: string) => void = () => undefined): (warning: string) => void {
  const given = new Set<string>();
  return (warning) => {
    if (given.has(warning)) return;
    given.add(warning);
    onWarning(warning);
  };
}
