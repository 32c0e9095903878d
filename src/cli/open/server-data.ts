/** The data of a Tagseal server, for commands that work on it without the server. */
import type { ConfiguredServer } from "../../server/configuration/server-configuration.ts";
import type { KeyTable } from "../../server/signer/key-table.ts";
import type { GivenPassphrases } from "../../server/signer/given-passphrases.ts";
import type { MetadataStore } from "../../server/storage/metadata-store.ts";
import { printable } from "../output/printable.ts";
import { openKeyService } from "./keys-elsewhere.ts";
import { loadServerSettings } from "./server-storage.ts";
import type { serverDataOptions } from "../options/storage-flags.ts";
import { UsageError } from "../../errors.ts";
import type { Io } from "../io.ts";
import type { OptionValues } from "../options/option.ts";

/** A server's store and keys, opened. The caller closes them. */
export interface ServerData {
  readonly configured: ConfiguredServer;
  readonly store: MetadataStore;
  readonly keys: KeyTable;
  /** the passphrases of the keys, as far as they were given */
  readonly passphrases: GivenPassphrases;
  /**
   * Initialises the signer as the server's first start would, unless it is initialised, so that the server starts on data without keys.
   *
   * @throws KeyStoreError `PASSPHRASE_WRONG`, `PASSPHRASE_TOO_SHORT`, `PASSPHRASE_UNAVAILABLE`
   */
  prepareSigner(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens the data. The server may be running.
 *
 * @throws UsageError `USAGE` when the command line does not name the data; TagsealError `SERVER_CONFIGURATION`, `STORAGE_FAILED`
 */
export async function openServerData(options: OptionValues<typeof serverDataOptions>, io: Io): Promise<ServerData> {
  const { configuredServer } = await import("../../server/configuration/server-configuration.ts");
  const { openStoreOf } = await import("../../server/storage/open-metadata-store.ts");
  const { makeDataDirectory } = await import("../../server/run/data-directory.ts");
  const { openKeyTableOf } = await import("../../server/signer/key-place.ts");
  const loaded = await loadServerSettings(options, io, [
    { flag: "--signer-database", setting: "trust_service.db_url", value: options["signer-database"] },
  ]);
  const onWarning = (warning: string): void => io.stderr.write(`warning: ${printable(warning)}\n`);
  const keyService = await openKeyService(loaded, onWarning);
  const configured = { ...configuredServer(loaded.settings, loaded.env), keyService };
  const { dataDir, database, signerDatabase, sqlLimits } = configured;
  if (dataDir === undefined && database === undefined)
    throw new UsageError("USAGE", "--data or --database is required", {
      hint: "Give the same value as for tagseal server.",
    });
  if (dataDir !== undefined) makeDataDirectory(dataDir);
  const store = await openStoreOf(configured);
  try {
    const keys = await openKeyTableOf({ dataDir, database: signerDatabase ?? database, sqlLimits });
    return opened(configured, store, keys, io);
  } catch (error) {
    await store.close();
    throw error;
  }
}

function opened(configured: ConfiguredServer, store: MetadataStore, keys: KeyTable, io: Io): ServerData {
  const given = configured.signerPassphrases;
  const isShared = configured.signerDatabase !== undefined || configured.database !== undefined;
  return {
    configured,
    store,
    keys,
    passphrases: given ?? { byAlias: new Map() },
    async prepareSigner() {
      // a separate signer has its keys elsewhere
      if (configured.remoteSigner !== undefined) return;
      if ((await keys.derivationSecret()) !== undefined || (await keys.keys("", 1)).length > 0) return;
      const { openSignerKeys } = await import("../../server/signer/signer-keys.ts");
      const { passphraseFileIn } = await import("../../server/signer/key-place.ts");
      const { dataDir, keyService: service } = configured;
      const file = isShared || dataDir === undefined ? undefined : passphraseFileIn(dataDir);
      await openSignerKeys({ table: keys, passphrases: { given, file }, now: io.now, service });
    },
    close: async () => void (await Promise.all([store.close(), keys.close()])),
  };
}
