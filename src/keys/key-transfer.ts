/** Exports keys from a key store and imports them, as files that users can carry. */
import { isEncryptedBlock, isPrivateKeyBlock, readPrivateKeyBlock } from "../crypto/private-key-pem.ts";
import type { PrivateKey } from "../crypto/private-key.ts";
import { parsePem, serialisePem } from "../encoding/pem.ts";
import type { PemBlock } from "../encoding/pem.ts";
import { EncodingError, KeyStoreError, MetadataError, hasCode } from "../errors.ts";
import type { TagsealError } from "../errors.ts";
import { keyHeaders } from "./key-file.ts";
import { protectionOf } from "./key-protection.ts";
import { gunToKeep, isKeyId } from "./key-store.ts";
import type { KeyUse, PemKeyStore, StoredKey } from "./key-store.ts";
import type { PassphraseKeeper } from "./passphrase-keeper.ts";

/** Larger import files, in characters, are refused unread. */
export const maxImportLength = 16 * 1024 * 1024;

/** Which keys to export; all without a selection. */
export interface ExportSelection {
  /** keys with these IDs; each must exist */
  readonly keyIds?: readonly string[];
  /** keys kept for exactly these collections. Off-spec: Notary v1 takes only the first one */
  readonly guns?: readonly string[];
}

/**
 * Writes keys, still encrypted, as PEM blocks one after another, each with its key ID in a `path` header, in order of
 * key ID. A key that an old client stored in the clear is encrypted first, under a passphrase that is asked for.
 *
 * @throws KeyStoreError `KEY_NOT_FOUND` when a wanted key, or any key at all, is missing; and what the store throws
 * @see Notary v1: export and import files
 */
export async function exportKeys(store: PemKeyStore, selection: ExportSelection = {}): Promise<string> {
  let text = "";
  for (const stored of await selectKeys(store, selection)) text += serialisePem(await exportedBlock(store, stored));
  if (text !== "") return text;
  throw new KeyStoreError("KEY_NOT_FOUND", "There is no key to export");
}

async function selectKeys(store: PemKeyStore, { keyIds, guns }: ExportSelection): Promise<readonly StoredKey[]> {
  const all = await store.list();
  if (keyIds === undefined && guns === undefined) return all;
  const missing = keyIds?.find((keyId) => !all.some((stored) => stored.keyId === keyId));
  if (missing !== undefined) throw new KeyStoreError("KEY_NOT_FOUND", `There is no key ${missing} to export`);
  return all.filter(({ keyId, gun }) => keyIds?.includes(keyId) || (gun !== undefined && guns?.includes(gun)));
}

async function exportedBlock(store: PemKeyStore, stored: StoredKey): Promise<PemBlock> {
  const block = await store.block(stored.keyId);
  if (block === undefined) throw new KeyStoreError("KEY_NOT_FOUND", `Key ${stored.keyId} has just been removed`);
  const sealed = isEncryptedBlock(block) ? block : await sealForStore(store, readPrivateKeyBlock(block, ""), stored);
  return { ...sealed, headers: new Map([...block.headers, ["path", stored.keyId]]) };
}

/** How keys are imported. */
export interface ImportOptions {
  /** role of keys without a `role` header; default `delegation` */
  readonly role?: string;
  /** GUN of targets, snapshot and timestamp keys without one */
  readonly gun?: string;
  /** `keep`: a key that is here already stays as it is; default `replace`, so that its role and passphrase may change */
  readonly existing?: "keep" | "replace";
}

/** The result for each block of an import file. */
export interface ImportReport {
  readonly imported: readonly StoredKey[];
  /** keys that were here already and stayed as they were */
  readonly kept: readonly StoredKey[];
  /** blocks that could not be stored, in order */
  readonly skipped: readonly { readonly block: number; readonly label: string; readonly error: TagsealError }[];
}

/**
 * Stores the private keys of a PEM text: exported ones as they are; all others (PKCS#8, SEC1, PKCS#1, also with legacy
 * encryption, standard Ed25519) decrypted, with a passphrase that is asked for, and encrypted again. Blocks that hold no usable key are
 * skipped and reported. A different key is never overwritten.
 *
 * Off-spec: Notary v1 refuses encrypted keys without a `path`, and docker claims success without storing them.
 *
 * @throws EncodingError `TOO_LARGE`, `PEM_MALFORMED` when the text has no usable private key
 * @throws KeyStoreError `PASSPHRASE_WRONG`, `PASSPHRASE_UNAVAILABLE`, `FILE_UNWRITABLE`, …: nothing is skipped for these
 * @see Notary v1: export and import files
 */
export async function importKeys(store: PemKeyStore, text: string, options: ImportOptions = {}): Promise<ImportReport> {
  return await importEach(text, async (block) => await importBlock(store, block, options));
}

/** A store that puts keys into a token or a service. */
export interface KeyTaker {
  readonly passphrases: PassphraseKeeper;
  /** stores a key where it cannot be read again, and verifies that it is that key; `isKept` when it was the user's already */
  readonly take: (key: PrivateKey, use: KeyUse) => Promise<ImportedBlock>;
}

/**
 * Puts the private keys of a PEM text into a token or a service, as {@link importKeys} stores them in files. Encrypted ones are opened first.
 *
 * @throws as {@link importKeys}, and what the token or the service says
 */
export async function importKeysInto(
  { passphrases, take }: KeyTaker,
  text: string,
  options: ImportOptions,
): Promise<ImportReport> {
  return await importEach(text, async (block) => {
    const use = useOf(requirePrivateKey(block), parsePath(block.headers.get("path")), options);
    return await take(await openBlock(passphrases, block), use);
  });
}

async function importEach(text: string, importOne: (block: PemBlock) => Promise<ImportedBlock>): Promise<ImportReport> {
  if (text.length > maxImportLength)
    throw new EncodingError("TOO_LARGE", `Cannot import keys: more than ${maxImportLength} characters`);
  const imported: StoredKey[] = [];
  const kept: StoredKey[] = [];
  const skipped: { block: number; label: string; error: TagsealError }[] = [];
  for (const [index, block] of parsePem(text).entries()) {
    try {
      const { key, isKept } = await importOne(block);
      (isKept ? kept : imported).push(key);
    } catch (error) {
      // One unusable block says nothing about the next one. A cancelled prompt or a disk error does.
      if (!hasCode(error, "KEY_MALFORMED", "KEY_UNSUPPORTED", "DER_MALFORMED", "HEX_MALFORMED", "PEM_MALFORMED"))
        throw error;
      skipped.push({ block: index + 1, label: block.label, error });
    }
  }
  if (imported.length + kept.length > 0) return { imported, kept, skipped };
  const cause = skipped[0]?.error;
  const reason = cause?.message ?? "there is no PEM block in it";
  throw new EncodingError("PEM_MALFORMED", `No key could be imported: ${reason}`, { cause });
}

/** What became of one key. */
export interface ImportedBlock {
  readonly key: StoredKey;
  readonly isKept: boolean;
}

async function importBlock(store: PemKeyStore, block: PemBlock, options: ImportOptions): Promise<ImportedBlock> {
  const path = parsePath(requirePrivateKey(block).headers.get("path"));
  const use = useOf(block, path, options);
  if (block.label === "ENCRYPTED PRIVATE KEY" && path !== undefined) {
    const existing = await store.find(path.keyId);
    if (existing !== undefined && options.existing === "keep") return { key: existing, isKept: true };
    requireReadable(block);
    if (existing !== undefined) await requireSameKey(store, block, path.keyId);
    return { key: await store.putBlock(path.keyId, { ...block, headers: keyHeaders(use) }), isKept: false };
  }
  const key = await openBlock(store.passphrases, block);
  const { keyId } = key.publicKey;
  const existing = options.existing === "keep" ? await store.find(keyId) : undefined;
  if (existing !== undefined) return { key: existing, isKept: true };
  return { key: await store.putBlock(keyId, await sealForStore(store, key, use)), isKept: false };
}

function requirePrivateKey(block: PemBlock): PemBlock {
  if (isPrivateKeyBlock(block)) return block;
  throw new MetadataError("KEY_UNSUPPORTED", `a PEM block of kind ${block.label} holds no private key`);
}

/** A block that is stored as it is must be one that can be unlocked later. */
function requireReadable(block: PemBlock): void {
  const protection = protectionOf(block);
  if (protection.kind === "unreadable") throw new MetadataError("KEY_MALFORMED", protection.reason);
}

/** A block is stored under the ID it claims. Before it replaces an existing key, it must be that key. */
async function requireSameKey(store: PemKeyStore, block: PemBlock, keyId: string): Promise<void> {
  const stored = await store.block(keyId);
  if (stored !== undefined && Buffer.from(stored.bytes).equals(block.bytes)) return;
  const key = await openBlock(store.passphrases, block);
  if (key.publicKey.keyId === keyId) return;
  throw new MetadataError("KEY_MALFORMED", `the block says it is key ${keyId}, which is here, and holds another key`);
}

interface Use {
  readonly role: string;
  readonly gun?: string;
}

function useOf(block: PemBlock, path: ExportPath | undefined, options: ImportOptions): Use {
  const role = block.headers.get("role") ?? path?.role ?? options.role ?? "delegation";
  const gun = gunToKeep({ role, gun: block.headers.get("gun") ?? path?.gun ?? options.gun ?? "" });
  if (gun === undefined) return { role };
  if (gun !== "") return { role, gun };
  throw new MetadataError("KEY_MALFORMED", `a ${role} key belongs to one repository, and none is named`);
}

interface ExportPath {
  readonly keyId: string;
  readonly role?: string;
  readonly gun?: string;
}

/** The path is `<key ID>`; older exports wrote `root_keys/<key ID>_<role>` and `tuf_keys/<gun>/<key ID>_<role>`. */
function parsePath(path: string | undefined): ExportPath | undefined {
  if (path === undefined) return undefined;
  const directories = path.split("/");
  const name = directories.pop() ?? "";
  const [, keyId = "", role] = /^([0-9a-f]+)(?:_(.+?))?(?:\.key)?$/.exec(name) ?? [];
  if (!isKeyId(keyId))
    throw new MetadataError("KEY_MALFORMED", `path ${JSON.stringify(path)} does not end in a key ID`);
  const [top, ...gun] = directories;
  return {
    keyId,
    ...(role === undefined ? {} : { role }),
    ...(top === "tuf_keys" && gun.length > 0 ? { gun: gun.join("/") } : {}),
  };
}

async function openBlock(passphrases: PassphraseKeeper, block: PemBlock): Promise<PrivateKey> {
  const open = (passphrase: string) => readPrivateKeyBlock(block, passphrase);
  if (!isEncryptedBlock(block)) return open("");
  return passphrases.unlock({ keyId: "", role: "encrypted", gun: undefined }, open);
}

async function sealForStore(store: PemKeyStore, key: PrivateKey, { role, gun }: StoredKey | Use): Promise<PemBlock> {
  const subject = { keyId: key.publicKey.keyId, role, gun };
  const passphrase = await store.passphrases.forNewKey(subject);
  return store.seal(key, gun === undefined ? { role } : { role, gun }, passphrase);
}
