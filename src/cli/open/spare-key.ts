/** The spare root key that a command line names or has made. Its private part stays where it is, and is not added to this machine's keys. */
import { isEncryptedBlock, readPrivateKeyBlock } from "../../crypto/private-key-pem.ts";
import { PrivateKey, type SigningKey } from "../../crypto/private-key.ts";
import type { PublicKey } from "../../crypto/public-key.ts";
import { type PemBlock, serialisePem } from "../../encoding/pem.ts";
import { KeyStoreError } from "../../errors.ts";
import { checkedKey } from "../../keys/external/checked-key.ts";
import type { ExternalKey } from "../../keys/external/key-driver.ts";
import { withGivenKeys } from "../../keys/given-keys.ts";
import { defaultKeyAlgorithm, isKeyId, type KeyStore } from "../../keys/key-store.ts";
import { PassphraseKeeper } from "../../keys/passphrase-keeper.ts";
import { type PassphraseSource, spareRootRole } from "../../keys/passphrase.ts";
import type { Io } from "../io.ts";
import { printable } from "../output/printable.ts";
import { placeFile, readGivenFile, requireFree } from "./backup-file.ts";
import { privateKeyIn } from "./key-file-of-user.ts";
import { readPublicKeyFile } from "./public-key-file.ts";
import { openKeyFiles, openLinkedKeys } from "./user-keys.ts";

/** What a command needs to open a spare. */
export interface SpareSources {
  readonly io: Io;
  readonly passphrases: PassphraseSource;
  /** the keys of this machine */
  readonly store: KeyStore;
}

/** A spare root key. */
export interface SpareKey {
  /** a key, or a certificate */
  readonly publicKey: PublicKey;
  /** undefined when only the public part was given */
  readonly signingKey: SigningKey | undefined;
  /** a path, a URI or a place on this machine */
  readonly location: string;
  readonly kind: "file" | "public" | "elsewhere" | "here";
}

/** Encrypted key files are far smaller. */
const maxSpareFileBytes = 64 * 1024;

/**
 * Opens a spare: a file with a private key, a public key or a certificate; the URI of a key in a token or with a service; the ID of a key here.
 *
 * @throws KeyStoreError `KEY_NOT_FOUND`, `PASSPHRASE_WRONG`, and what files and drivers throw
 */
export async function openSpare(word: string, { io, passphrases, store }: SpareSources): Promise<SpareKey> {
  if (isKeyId(word)) return await keyHere(word, store);
  if (isUri(word)) {
    const { drivers } = await openLinkedKeys(io, passphrases);
    const driver = await drivers.for(word);
    return elsewhere(await driver.find(word, { role: spareRootRole, gun: undefined, keyId: "" }));
  }
  const secret = await privateKeyIn(word);
  if (secret === undefined)
    return {
      publicKey: await readPublicKeyFile(word, io.now()),
      signingKey: undefined,
      location: word,
      kind: "public",
    };
  const signingKey = await unlocked(secret.block, passphrases);
  return { publicKey: signingKey.publicKey, signingKey, location: word, kind: "file" };
}

/**
 * Makes a spare in a new file, encrypted under a separate passphrase, and opens it again: it will be needed when nothing else is left.
 *
 * @throws UsageError `FILE_UNWRITABLE`; KeyStoreError `PASSPHRASE_UNAVAILABLE`, `PASSPHRASE_TOO_SHORT`
 */
export async function makeSpareFile(path: string, { io, passphrases }: SpareSources): Promise<SpareKey> {
  requireFree([path], { force: false });
  const key = PrivateKey.generate(defaultKeyAlgorithm);
  const { keyId } = key.publicKey;
  const keeper = keeperOf(passphrases, io);
  const passphrase = await keeper.forNewKey({ role: spareRootRole, gun: undefined, keyId });
  const files = await openKeyFiles(io, passphrases);
  const block = files.seal(key, { role: "root" }, passphrase);
  const text = serialisePem({ ...block, headers: new Map([...block.headers, ["path", keyId]]) });
  await placeFile(path, text, { force: false });
  const written = await readGivenFile(path, maxSpareFileBytes);
  if (written.toString("utf8") !== text || readPrivateKeyBlock(block, passphrase).publicKey.keyId !== keyId)
    throw new KeyStoreError("KEY_MALFORMED", `${path} does not hold what was written to it`, {
      hint: "Do not rely on this file: write the spare to another disk.",
    });
  return { publicKey: key.publicKey, signingKey: key, location: path, kind: "file" };
}

/** Makes a spare in a token or with a service. @throws KeyStoreError as `KeyDriver.generate` */
export async function makeSpareAt(uri: string, { io, passphrases }: SpareSources): Promise<SpareKey> {
  const { drivers } = await openLinkedKeys(io, passphrases);
  const driver = await drivers.for(uri);
  const wanted = { label: "spare-root", algorithm: defaultKeyAlgorithm };
  return elsewhere(await driver.generate(uri, wanted, { role: spareRootRole, gun: undefined, keyId: "" }));
}

/** The keys of this machine and, where its private part is open, the spare. */
export function withSpare(store: KeyStore, { signingKey, location }: SpareKey): KeyStore {
  return withGivenKeys(store, signingKey === undefined ? [] : [{ key: signingKey, role: "root", location }]);
}

async function keyHere(keyId: string, store: KeyStore): Promise<SpareKey> {
  const stored = await store.find(keyId);
  const signingKey = await store.signingKey(keyId);
  if (stored !== undefined && signingKey !== undefined)
    return { publicKey: signingKey.publicKey, signingKey, location: stored.location, kind: "here" };
  throw new KeyStoreError("KEY_NOT_FOUND", `there is no key ${keyId} on this machine`, {
    hint: "Give the path of a key file, or the ID of a key of this machine: tagseal trust key list",
  });
}

function elsewhere(key: ExternalKey): SpareKey {
  const signingKey = checkedKey(key, key.publicKey);
  return { publicKey: key.publicKey, signingKey, location: key.uri, kind: "elsewhere" };
}

function isUri(word: string): boolean {
  return /^(?:pkcs11|exec|vault):/u.test(word);
}

async function unlocked(block: PemBlock, passphrases: PassphraseSource): Promise<PrivateKey> {
  if (!isEncryptedBlock(block)) return readPrivateKeyBlock(block, "");
  const subject = { role: spareRootRole, gun: undefined, keyId: block.headers.get("path") ?? "" };
  return await new PassphraseKeeper(passphrases).unlock(subject, (passphrase) =>
    readPrivateKeyBlock(block, passphrase),
  );
}

function keeperOf(passphrases: PassphraseSource, io: Io): PassphraseKeeper {
  return new PassphraseKeeper(passphrases, (warning) => {
    io.stderr.write(`warning: ${printable(warning)}\n`);
  });
}
