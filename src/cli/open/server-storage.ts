/** Where a trust server stores its data: flags, settings and the store, for the server and for the commands that work on its data. */
import { join } from "node:path";
import { UsageError } from "../../errors.ts";
import type { ServerSettings } from "../../server/configuration/server-configuration.ts";
import type { Lifetimes } from "../../server/freshness/lifetimes.ts";
import type { SigningService } from "../../server/signer/signing-service.ts";
import type { MetadataStore } from "../../server/storage/metadata-store.ts";
import type { Io } from "../io.ts";
import type { OptionValues } from "../options/option.ts";
import { openKeyService } from "./keys-elsewhere.ts";
import { type LoadedSettings, loadSettings } from "./setting-sources.ts";
import type { storageOptions } from "../options/storage-flags.ts";

type Flags = Parameters<typeof loadSettings>[1]["flags"];

/** Loads the server's settings, for every command that works on its data. */
export async function loadServerSettings(
  options: OptionValues<typeof storageOptions>,
  io: Io,
  flags: Flags = [],
  told: Pick<Parameters<typeof loadSettings>[1], "onProblem" | "onUnknown"> = {},
): Promise<LoadedSettings<keyof typeof import("../../server/configuration/server-settings.ts").serverSettings>> {
  const { serverSettings, serverVariables } = await import("../../server/configuration/server-settings.ts");
  const files = { config: options.config, notaryConfig: options["notary-config"], prefixes: serverVariables };
  const storage: Flags = [
    { flag: "--data", setting: "server.data_directory", value: options.data },
    { flag: "--database", setting: "storage.db_url", value: options.database },
  ];
  return await loadSettings(serverSettings, { ...files, flags: [...storage, ...flags], ...told }, io);
}

interface Loaded {
  readonly settings: ServerSettings;
  readonly env: Io["env"];
}

/** Opens the store that these settings name. */
export async function openConfiguredStore({ settings, env }: Loaded): Promise<MetadataStore> {
  const { configuredServer } = await import("../../server/configuration/server-configuration.ts");
  const { openStoreOf } = await import("../../server/storage/open-metadata-store.ts");
  const configured = configuredServer(settings, env);
  if (configured.database === undefined) await requireStore(configured.dataDir);
  return await openStoreOf(configured);
}

/** A store and its signing service, opened. The caller closes them. */
export interface SigningServerData {
  readonly store: MetadataStore;
  readonly signer: SigningService;
  readonly lifetimes: Lifetimes;
  close(): Promise<void>;
}

/** Opens the store and the signer that a server with these settings uses. Both must exist. */
export async function openSigningServerData(loaded: Loaded, io: Io): Promise<SigningServerData> {
  const { configuredServer } = await import("../../server/configuration/server-configuration.ts");
  const { openServerParts } = await import("../../server/run/server-parts.ts");
  const { ServerLog } = await import("../../service/log.ts");
  const { defaultLifetimes } = await import("../../server/freshness/lifetimes.ts");
  const configured = configuredServer(loaded.settings, loaded.env);
  const isKeyFile = (configured.signerDatabase ?? configured.database ?? configured.remoteSigner) === undefined;
  if (configured.database === undefined) await requireStore(configured.dataDir);
  if (isKeyFile) await requireStore(configured.dataDir, "signer.db");
  const log = new ServerLog({ sink: (line) => io.stderr.write(`${line}\n`), level: "warning", now: io.now });
  const onWarning = (warning: string): void => log.write("warning", "keys", { warning });
  const keyService = await openKeyService(loaded, onWarning);
  const { store, signer } = await openServerParts({ ...configured, keyService }, io.now, log);
  const lifetimes = configured.lifetimes ?? defaultLifetimes;
  return { store, signer, lifetimes, close: async () => void (await Promise.all([store.close(), signer.close()])) };
}

/** A command that works on existing data must not create any. */
async function requireStore(directory: string | undefined, file = "metadata.db"): Promise<void> {
  if (directory === undefined)
    throw new UsageError("USAGE", "--data or --database is required", {
      hint: "Give the same value as for tagseal server.",
    });
  const { requireDatabase } = await import("../../server/storage/require-database.ts");
  requireDatabase(join(directory, file));
}
