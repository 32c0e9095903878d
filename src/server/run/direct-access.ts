/** A server's collections for this process alone, which reads and changes them itself: no listener, no other clients, no recurring work. */

import { ServerLog } from "../../service/log.ts";
import { ServerClock } from "../clock/server-clock.ts";
import { CollectionReader } from "../collections/collection-reader.ts";
import { Publications } from "../collections/publications.ts";
import { defaultLifetimes } from "../freshness/lifetimes.ts";
import type { SigningService } from "../signer/signing-service.ts";
import type { MetadataStore } from "../storage/metadata-store.ts";
import { defaultLimits, type ServerOptions } from "./server-options.ts";
import { openServerParts, type StorageOptions } from "./server-parts.ts";
import { SignerKeyCheck } from "./signer-key-check.ts";

/** What to open, and by which clock to sign. */
export type DirectAccessOptions = StorageOptions & Pick<ServerOptions, "lifetimes" | "now">;

/** The parts that answer what a server's clients ask. Close it when done. */
export interface DirectAccess {
  readonly store: MetadataStore;
  readonly signer: SigningService;
  readonly reader: CollectionReader;
  readonly publications: Publications;
  close(): Promise<void>;
}

/**
 * Opens the data and the keys as a server does, which may serve the same data meanwhile.
 *
 * @throws TagsealError `SERVER_CONFIGURATION`, `STORAGE_FAILED`; `SIGNING_KEY_MISSING` when the keys are not those of this data
 * @throws KeyStoreError `PASSPHRASE_WRONG`, `PASSPHRASE_TOO_SHORT`
 */
export async function openDirectAccess(options: DirectAccessOptions): Promise<DirectAccess> {
  const { now = () => new Date(), lifetimes = defaultLifetimes, acceptLostKeys } = options;
  const log = new ServerLog({ sink: () => undefined, level: "error", now });
  const { store, signer } = await openServerParts(options, now, log);
  const reader = new CollectionReader(store, { maxBytes: defaultLimits.maxCacheBytes, log });
  const clock: ServerClock = new ServerClock({
    store,
    now,
    log,
    timestampLifetimeMs: lifetimes.timestampMs,
    newestSignedAt: () => publications.newestSignedAt,
  });
  const signingTime = (): Date => clock.signingTime();
  const publications = new Publications({ store, signer, reader, log, now: signingTime, lifetimes, clock });
  const close = async (): Promise<void> => {
    reader.close();
    await clock.stop();
    await Promise.all([store.close(), signer.close()]);
  };
  try {
    await new SignerKeyCheck({ store, signer, log, acceptLostKeys }).start();
    clock.begin();
    return { store, signer, reader, publications, close };
  } catch (error) {
    await close();
    throw error;
  }
}
