/** A server's data for commands that only read: they create nothing, need no passphrase, and work while the server is running. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import type { HoldsKey, PlaceOfKey } from "../../server/inspection/server-held-keys.ts";
import type { MetadataStore } from "../../server/storage/metadata-store.ts";
import { TagsealError } from "../../errors.ts";
import type { Io } from "../io.ts";
import { imageArgument } from "../options/image.ts";
import type { OptionValues } from "../options/option.ts";
import { loadServerSettings, openConfiguredStore } from "./server-storage.ts";
import type { inspectionOptions } from "../options/storage-flags.ts";

/** A server's store and what is known of its keys, opened for reading. The caller closes it. */
export interface InspectedServer {
  readonly store: MetadataStore;
  readonly holdsKey: HoldsKey;
  readonly placeOfKey: PlaceOfKey;
  close(): Promise<void>;
}

/**
 * Opens the data that the flags name.
 *
 * @throws UsageError `USAGE`, `FILE_UNREADABLE`; TagsealError `SERVER_CONFIGURATION`, `STORAGE_FAILED`
 */
export async function openInspected(options: OptionValues<typeof inspectionOptions>, io: Io): Promise<InspectedServer> {
  const loaded = await loadServerSettings(options, io, [
    { flag: "--signer-database", setting: "trust_service.db_url", value: options["signer-database"] },
  ]);
  const { configuredServer } = await import("../../server/configuration/server-configuration.ts");
  const { openKeyTableOf } = await import("../../server/signer/key-place.ts");
  const { holdsKeyIn, knowsNoKeys, placeOfKeyIn } = await import("../../server/inspection/server-held-keys.ts");
  const { dataDir, database, signerDatabase, sqlLimits, remoteSigner } = configuredServer(loaded.settings, loaded.env);
  const store = await openConfiguredStore(loaded);
  try {
    const place = { dataDir, database: signerDatabase ?? database, sqlLimits };
    // A copy of the metadata alone can be inspected, too.
    const hasKeys = place.database !== undefined || existsSync(join(dataDir ?? "", "signer.db"));
    const table = hasKeys ? await openKeyTableOf(place, { mustExist: true }) : undefined;
    const close = async (): Promise<void> => void (await Promise.all([store.close(), table?.close()]));
    return {
      store,
      holdsKey: table === undefined ? knowsNoKeys : holdsKeyIn(table, { isRemote: remoteSigner !== undefined }),
      placeOfKey: placeOfKeyIn(table),
      close,
    };
  } catch (error) {
    await store.close();
    throw error;
  }
}

/**
 * The name under which a server stores the typed repository: the text itself if the server has it, else docker's reading of it (`alpine` is
 * `docker.io/library/alpine`). A tag or digest is dropped.
 *
 * @throws UsageError `REFERENCE_INVALID`
 */
export async function storedGun(store: MetadataStore, typed: string): Promise<string> {
  if ((await store.versions(typed)).length > 0) return typed;
  return imageArgument(typed).gun;
}

/** The refusal for a repository that the server does not have. */
export function notStored(gun: string): TagsealError {
  return new TagsealError("REPOSITORY_NOT_SIGNED", `the server keeps no repository ${gun}`, {
    hint: "Show what it keeps: tagseal server list",
  });
}
