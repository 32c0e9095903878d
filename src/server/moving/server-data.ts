import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { TagsealError } from "../../errors.ts";
import type { KeyTable } from "../signer/key-table.ts";
import { signerFiles } from "../signer/local-signing-service.ts";
import { openSignerKeys } from "../signer/signer-keys.ts";
import type { SignerPassphrases } from "../signer/signer-passphrases.ts";
import { SqliteKeyTable } from "../signer/sqlite-key-table.ts";
import type { MetadataStore } from "../storage/metadata-store.ts";
import { SqliteMetadataStore } from "../storage/sqlite-metadata-store.ts";

/** What a server of ours keeps, opened without the server. */
export interface ServerData {
  readonly store: MetadataStore;
  readonly keys: KeyTable;
  /**
   * Sets the signer up as the server's first start would, so that the server will start on data that came without keys.
   *
   * @throws KeyStoreError `PASSPHRASE_WRONG`, `PASSPHRASE_TOO_SHORT`, `PASSPHRASE_UNAVAILABLE`
   */
  prepareSigner(given: SignerPassphrases, now: () => Date): Promise<void>;
  close(): Promise<void>;
}

/** Where it is kept. */
export interface ServerDataLocation {
  /** as the server's own setting; made, for its owner only, when absent */
  readonly dataDir: string;
}

/**
 * Opens what a server keeps in its data directory. The server may be running.
 *
 * @throws TagsealError `SERVER_CONFIGURATION`, `STORAGE_FAILED`
 */
export async function openServerData({ dataDir }: ServerDataLocation): Promise<ServerData> {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new TagsealError("SERVER_CONFIGURATION", `Cannot use ${dataDir} as the data directory`, { cause });
  }
  const store = new SqliteMetadataStore({ path: join(dataDir, "metadata.db") });
  try {
    const keys = new SqliteKeyTable(join(dataDir, signerFiles.database));
    const file = join(dataDir, signerFiles.passphrase);
    return {
      store,
      keys,
      prepareSigner: async (given, now) =>
        void (await openSignerKeys({ table: keys, passphrases: { given, file }, now })),
      close: async () => void (await Promise.all([store.close(), keys.close()])),
    };
  } catch (error) {
    await store.close();
    throw error;
  }
}
