/**
 * Key stores: where private keys are kept. A store returns signing keys, never the key's bytes; its
 * `PassphraseSource` unlocks it. Keys have their canonical ID, so one root key serves many certificates.
 */
import { PrivateKey, type KeyAlgorithm, type SigningKey } from "../crypto/private-key.ts";
import type { PemBlock } from "../encoding/pem.ts";
import type { PassphraseKeeper } from "./passphrase-keeper.ts";

/** The default algorithm of new keys: docker's and notary's, which every client can verify. */
export const defaultKeyAlgorithm: KeyAlgorithm = "ecdsa";

/** What a store knows about a key without unlocking it. */
export interface StoredKey {
  /** canonical key ID, 64 lower-case hexadecimal characters */
  readonly keyId: string;
  /** `root`, `targets`, `snapshot`, a delegation such as `targets/alice`, or a signer name such as `alice` */
  readonly role: string;
  /** the trusted collection the key was made for; only keys for targets, snapshot and timestamp have one */
  readonly gun: string | undefined;
  /** where it is kept, for users: a path, or the name of a store */
  readonly location: string;
  /** how it is protected, as far as the store can say without unlocking it; undefined where that is the store's own affair */
  readonly protection?: KeyProtection;
  /** permission bits of its file, as `stat` gives them; undefined where there is no file, or no such bits */
  readonly mode?: number;
  /** the URI of a key that is linked: kept in a token or by a service; it holds no secret */
  readonly uri?: string;
}

/** How a private key is protected where it is kept. */
export type KeyProtection =
  | {
      /** encrypted under a passphrase */
      readonly kind: "passphrase";
      /** as `PBKDF2-HMAC-SHA1, AES-256-CBC` */
      readonly scheme: string;
      /** rounds of stretching that each guess of the passphrase costs */
      readonly rounds: number;
    }
  /** not encrypted */
  | { readonly kind: "none" }
  /** encrypted in a way that Tagseal cannot open, or damaged */
  | { readonly kind: "unreadable"; readonly reason: string };

/** The purpose of a key. */
export interface KeyUse {
  readonly role: string;
  /** kept for targets, snapshot and timestamp keys; dropped for all others */
  readonly gun?: string;
}

/**
 * A place that keeps private keys: files, memory, a hardware token, a remote service. Safe to use from several processes at once: a reader
 * sees a whole key or none, and of two writers of one key the last wins. Every implementation runs the suite in `test/contract/key-store.ts`.
 *
 * A store may refuse to make a key, by its use or its algorithm, and hands out no key: what a store can do beyond this contract, it says
 * by implementing {@link WritableKeyStore} or {@link PemKeyStore}. Users of keys ask for no more than they need, and name no class.
 */
export interface KeyStore {
  /** Every readable key, sorted by key ID. A key that cannot be read is omitted with a warning. */
  list(): Promise<readonly StoredKey[]>;

  /**
   * The key with this ID; undefined when absent.
   *
   * @throws KeyStoreError `KEY_FILE_UNSAFE` when other users can change it; EncodingError `PEM_MALFORMED` when damaged
   */
  find(keyId: string): Promise<StoredKey | undefined>;

  /**
   * The key to use again where one key serves many collections, such as a publisher's root key: the first by its ID that is kept for one of
   * these roles; undefined when there is none, and then a new one is made.
   */
  keptFor(roles: readonly string[]): Promise<StoredKey | undefined>;

  /**
   * Unlocks a key; undefined when absent. An unlocked key stays unlocked for the life of the store object. May ask for a
   * passphrase, at most three times.
   *
   * @throws KeyStoreError `PASSPHRASE_WRONG`, `PASSPHRASE_UNAVAILABLE`, `KEY_FILE_UNSAFE`
   * @throws EncodingError or MetadataError for a damaged or unsupported key
   */
  signingKey(keyId: string): Promise<SigningKey | undefined>;

  /**
   * Makes a key and keeps it, under a new passphrase where the store has passphrases. Once this returns, the key survives a crash, as
   * far as the store itself does. The key has exactly the algorithm asked for.
   *
   * @returns something that signs; undefined when this store makes no such keys; then it changed nothing and did not ask for a passphrase
   * @throws KeyStoreError `PASSPHRASE_UNAVAILABLE`, `PASSPHRASE_TOO_SHORT`; any failure of a store that makes such keys
   */
  make(use: KeyUse, algorithm: KeyAlgorithm): Promise<SigningKey | undefined>;

  /** Deletes a key. A missing key is no error. @throws KeyStoreError `FILE_UNWRITABLE` when the store cannot delete it */
  remove(keyId: string): Promise<void>;
}

/** A key store that also takes keys made elsewhere. */
export interface WritableKeyStore extends KeyStore {
  /**
   * Stores a key under a new passphrase, which it asks for. Once this returns, the key survives a crash. A key already
   * here for the same role is replaced.
   *
   * @throws KeyStoreError `KEY_EXISTS` when the key is here for another role, `PASSPHRASE_UNAVAILABLE`,
   * `PASSPHRASE_TOO_SHORT`
   */
  add(key: PrivateKey, use: KeyUse): Promise<StoredKey>;
}

/** A key store whose keys are encrypted PEM blocks, and can be carried to another such store. */
export interface PemKeyStore extends WritableKeyStore {
  /** asks for and remembers the store's passphrases */
  readonly passphrases: PassphraseKeeper;

  /** The stored block, still encrypted; undefined when absent. Throws as `find`. */
  block(keyId: string): Promise<PemBlock | undefined>;

  /**
   * Stores an encrypted block; replaces an existing key, whatever its role.
   *
   * @throws KeyStoreError `FILE_UNWRITABLE`, `KEY_FILE_UNSAFE`; MetadataError `KEY_MALFORMED` for an impossible key ID
   */
  putBlock(keyId: string, block: PemBlock): Promise<StoredKey>;

  /**
   * Encrypts a key again, with the current number of rounds.
   *
   * @param fresh false: under the passphrase that the keeper remembers for its role, if it remembers one; true: one that is asked for
   * @throws KeyStoreError `KEY_NOT_FOUND`, and as `signingKey` and `add`
   */
  changePassphrase(keyId: string, fresh?: boolean): Promise<void>;

  /** Encrypts a key for this store without storing it. */
  seal(key: PrivateKey, use: KeyUse, passphrase: string): PemBlock;
}

/** Answers {@link KeyStore.make} for a store that also takes keys made elsewhere. */
export async function makeAndAdd(store: WritableKeyStore, use: KeyUse, algorithm: KeyAlgorithm): Promise<PrivateKey> {
  const key = PrivateKey.generate(algorithm);
  await store.add(key, use);
  return key;
}

/** Answers {@link KeyStore.keptFor} from a list. */
export function firstKeptFor(roles: readonly string[], keys: readonly StoredKey[]): StoredKey | undefined {
  return keys.find(({ role }) => roles.includes(role));
}

/** True for the form of a key ID; no other text becomes part of a path. */
export function isKeyId(text: string): boolean {
  return /^[0-9a-f]{64}$/.test(text);
}

/** The GUN to store with a key: only keys of these three roles belong to one collection. */
export function gunToKeep(use: KeyUse): string | undefined {
  return ["targets", "snapshot", "timestamp"].includes(use.role) ? use.gun : undefined;
}
