/** `trust key rotate --all-with-key KEYID`: one key, in all repositories that name it. */
import { KeyStoreError, UsageError } from "../../errors.ts";
import { defaultKeyAlgorithm, type KeyStore, type KeyUse } from "../../keys/key-store.ts";
import type { PassphraseSource } from "../../keys/passphrase.ts";
import type { SigningKey } from "../../crypto/private-key.ts";
import type { PublicKey } from "../../crypto/public-key.ts";
import type { KeyMention } from "../../trust/rotation/retired-keys.ts";
import type { Io } from "../io.ts";
import { chosenKeys } from "../open/chosen-keys.ts";
import { trustDirectoryOf } from "../open/directories.ts";
import { requireKeyId } from "../open/repositories-of-key.ts";
import { withTrust } from "../open/trust.ts";
import { openKeyFiles, openKeyStore } from "../open/user-keys.ts";
import { imageArgument } from "../options/image.ts";
import { forEachRepository } from "../output/for-each-repository.ts";
import { retiredText, rotationJson, rotationText } from "../output/rotation-report.ts";
import { tellTrustEvents } from "../output/trust-events.ts";
import { keyUseOf } from "./rotate-one.ts";

/** What the command line asks for. */
export interface WantedReplacement {
  /** canonical */
  readonly keyId: string;
  /** repositories that this machine may not know */
  readonly named: readonly string[];
  readonly keys: readonly string[];
  readonly passphrases: PassphraseSource;
  readonly removeOld: boolean;
  readonly json: boolean;
}

/**
 * Replaces a key in all repositories that this machine remembers to name it, and in those that are given. A failure of one does not stop
 * the others; a second run replaces what the first did not, by the same new key.
 *
 * @returns the exit status
 */
export async function replaceEverywhere(wanted: WantedReplacement, io: Io): Promise<number> {
  const { keyId, passphrases, json } = wanted;
  requireKeyId(keyId);
  const { mentionsOfKey } = await import("../../trust/trust-directory/key-mentions.ts");
  const { replaceKeyIn } = await import("../../trust/rotation/rotate-everywhere.ts");
  const { mentions } = await mentionsOfKey(trustDirectoryOf(io), keyId);
  const names = [...new Set([...wanted.named, ...mentions.map(({ gun }) => gun)])];
  requireRepositories(keyId, names);
  const store = await openKeyStore(io, { passphrases });
  const successor = await successors(wanted, mentions, store, io);
  const settings = { access: "write", passphrases, keys: store, notify: tellTrustEvents(io, { quiet: true }) } as const;
  const how = { json, failureHeading: "key not rotated in" };
  const code = await forEachRepository(names, io, how, async (repository, say) => {
    const { reference } = imageArgument(repository);
    const results = await withTrust(io, reference, settings, (context) => replaceKeyIn(context, keyId, successor));
    if (results.length === 0) say(`${repository} does not name the key ${keyId}\n`);
    for (const result of results) say(rotationText(repository, { ...result, oldKeys: [] }));
    return { repository, rotations: results.map(rotationJson) };
  }).catch((error: unknown) => {
    io.stderr.write(
      `the old key ${keyId} is kept until it is replaced everywhere; run this command again for the rest\n`,
    );
    throw error;
  });
  await retire(wanted, store, io);
  return code;
}

function requireRepositories(keyId: string, names: readonly string[]): void {
  if (names.length > 0) return;
  throw new UsageError("KEY_NOT_FOUND", `no repository that this machine remembers names the key ${keyId}`, {
    hint: `Name the repositories: tagseal trust key rotate --all-with-key ${keyId} IMAGE`,
  });
}

async function successors(
  { keyId, keys, passphrases }: WantedReplacement,
  mentions: readonly KeyMention[],
  store: KeyStore,
  io: Io,
): Promise<readonly PublicKey[]> {
  const use = await useOf(keyId, mentions, store);
  if (keys.length > 0)
    return await chosenKeys(keys, { store, files: () => openKeyFiles(io, passphrases), use, now: io.now() });
  const { successorOf } = await import("../../trust/rotation/rotate-everywhere.ts");
  const { RotationFile } = await import("../../trust/trust-directory/rotation-file.ts");
  const memoryOf = (id: string) => RotationFile.ofKey(trustDirectoryOf(io), id);
  return [await successorOf(keyId, use, { keys: store, make: (wanted) => madeIn(store, wanted), memoryOf })];
}

/** A new key of the default kind. @throws KeyStoreError `KEY_UNSUPPORTED`, and as `KeyStore.make` */
export async function madeIn(store: KeyStore, use: KeyUse): Promise<SigningKey> {
  const key = await store.make(use, defaultKeyAlgorithm);
  if (key !== undefined) return key;
  throw new KeyStoreError("KEY_UNSUPPORTED", `no key store here makes ${defaultKeyAlgorithm} keys for ${use.role}`);
}

/** The purpose of the old key: as its file says, or as a repository uses it. */
async function useOf(keyId: string, mentions: readonly KeyMention[], store: KeyStore): Promise<KeyUse> {
  const stored = await store.find(keyId);
  if (stored !== undefined) return { role: stored.role, ...(stored.gun === undefined ? {} : { gun: stored.gun }) };
  const mention = mentions.find(({ role }) => role !== "targets/releases");
  if (mention !== undefined) return keyUseOf(mention.role, mention.gun);
  throw new KeyStoreError("KEY_NOT_FOUND", `the key ${keyId} is not on this machine, and no repository here names it`, {
    hint: "Give the new key with --key.",
  });
}

async function retire({ keyId, removeOld, json }: WantedReplacement, store: KeyStore, io: Io): Promise<void> {
  const { retireKeys } = await import("../../trust/rotation/retired-keys.ts");
  const { mentionsOfKey } = await import("../../trust/trust-directory/key-mentions.ts");
  const mentions = removeOld ? (id: string) => mentionsOfKey(trustDirectoryOf(io), id) : undefined;
  for (const key of await retireKeys(store, [keyId], mentions))
    (json ? io.stderr : io.stdout).write(`${retiredText(key)}\n`);
}
