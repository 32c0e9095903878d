/** The persistent parts of a server: its metadata and its keys. */

import { TagsealError } from "../../errors.ts";
import { makeDataDirectory } from "./data-directory.ts";
import { namesKeyIn } from "../collections/published-keys.ts";
import { errorFields, type ServerLog } from "../../service/log.ts";
import type { ServerOptions } from "./server-options.ts";
import type { KeyTable } from "../signer/key-table.ts";
import { openKeyTableOf, passphraseFileIn } from "../signer/key-place.ts";
import { openLocalSigningService } from "../signer/local-signing-service.ts";
import { openRemoteSigningService } from "../signer/remote-signing-service.ts";
import { watchPassphraseFile } from "../signer/passphrase-watch.ts";
import { onePassphrase } from "../signer/signer-passphrases.ts";
import type { SigningService } from "../signer/signing-service.ts";
import type { MetadataStore } from "../storage/metadata-store.ts";
import { openStoreOf } from "../storage/open-metadata-store.ts";
import type { FileWatch } from "../../service/watching/file-watch.ts";
import type { WatchParts } from "../../service/watching/watched-files.ts";

/** Where a server's metadata and keys are. */
export type StorageOptions = Pick<
  ServerOptions,
  | "dataDir"
  | "database"
  | "signerDatabase"
  | "sqlLimits"
  | "signerPassphrase"
  | "signerPassphrases"
  | "keyService"
  | "maxPendingServedKeys"
  | "remoteSigner"
  | "acceptLostKeys"
  | "store"
  | "keyTable"
  | "signer"
>;

/**
 * Opens the store of metadata and the holder of the keys. Parts given in the options are used directly.
 *
 * @throws TagsealError `SERVER_CONFIGURATION`, `STORAGE_FAILED`
 * @throws KeyStoreError `PASSPHRASE_WRONG`, `PASSPHRASE_TOO_SHORT`
 */
export async function openServerParts(
  options: StorageOptions,
  now: () => Date,
  log: ServerLog,
  watch?: FileWatch,
): Promise<{ store: MetadataStore; signer: SigningService }> {
  const parts: WatchParts = { now, log, watch };
  if (options.dataDir !== undefined) makeDataDirectory(options.dataDir, log);
  const onWarning = (warning: string): void => log.write("warning", "database", { warning });
  const store = options.store ?? (await openStoreOf(options, { onWarning, refuseUnimported: true, watching: parts }));
  try {
    const signer = options.signer ?? (await openSigner(options, store, parts));
    return { store, signer };
  } catch (error) {
    await store.close();
    throw error;
  }
}

async function openSigner(options: StorageOptions, store: MetadataStore, parts: WatchParts): Promise<SigningService> {
  const { now, log } = parts;
  const { dataDir, signerPassphrase, signerPassphrases, sqlLimits } = options;
  const place = { dataDir, database: options.signerDatabase ?? options.database, sqlLimits };
  const onWarning = (warning: string): void => log.write("warning", "database", { warning });
  const table = options.keyTable ?? (await openKeyTableOf(place, { onWarning, watching: parts }));
  const isShared = options.keyTable !== undefined || place.database !== undefined;
  const namesKey = namesKeyIn(store);
  if (options.remoteSigner !== undefined) {
    const onReachable = (failure: TagsealError | undefined): void => logReachable(log, failure);
    return openRemoteSigningService({ ...options.remoteSigner, table, namesKey, now, onReachable, watching: parts });
  }
  try {
    if (options.acceptLostKeys !== true) await refuseEmptyTable(table, store);
  } catch (error) {
    await table.close();
    throw error;
  }
  const passphrases = {
    given: signerPassphrases ?? onePassphrase(signerPassphrase),
    // Processes that share a table could not find a passphrase that one of them generated.
    file: isShared || dataDir === undefined ? undefined : passphraseFileIn(dataDir),
    log,
    onGenerated: (file: string): void => log.write("info", "generated the signer passphrase", { file }),
  };
  const { keyService: service, maxPendingServedKeys: maxPendingKeys } = options;
  const signer = await openLocalSigningService({ table, passphrases, namesKey, now, service, maxPendingKeys });
  try {
    await watchPassphraseFile(passphrases, parts);
    return signer;
  } catch (error) {
    await signer.close();
    throw error;
  }
}

function logReachable(log: ServerLog, failure: TagsealError | undefined): void {
  if (failure === undefined) log.write("info", "the signer answers again");
  else log.write("error", "the signer does not answer", errorFields(failure));
}

/** New keys for existing collections would look like success until the first publication fails. */
async function refuseEmptyTable(table: KeyTable, store: MetadataStore): Promise<void> {
  if ((await table.derivationSecret()) !== undefined || (await table.keys("", 1)).length > 0) return;
  if ((await store.changes({ from: 0, limit: 1, backwards: false })).length === 0) return;
  const message = "The server's store holds collections, but there are no signer keys";
  throw new TagsealError("SERVER_CONFIGURATION", message, {
    hint: "Restore the signer's database from the backup that goes with the store, signer.db with metadata.db. If there is none, start with --accept-lost-keys and follow docs/runbooks/keys-and-passphrases.md.",
  });
}
