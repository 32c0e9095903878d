import { migrateKeyTable } from "../signer/open-key-table.ts";
import { migrateMetadataStore } from "../storage/open-metadata-store.ts";

/** The databases of a server. */
export interface ServerDatabases {
  readonly database: string;
  /** of the signer's keys; `database` when absent */
  readonly signerDatabase?: string | undefined;
}

/**
 * Brings the schemas of a server's databases up to date.
 *
 * @returns how many steps were run
 * @throws TagsealError `STORAGE_FAILED`, `SERVER_CONFIGURATION`
 */
export async function migrateServer({ database, signerDatabase = database }: ServerDatabases): Promise<number> {
  return (await migrateMetadataStore(database)) + (await migrateKeyTable(signerDatabase));
}
