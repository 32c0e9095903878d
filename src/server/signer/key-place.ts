/** Where a signer's keys are kept, and the passphrase beside them: a database, or files in a data directory. */

import { join } from "node:path";
import { requireDatabase, requireDataDir } from "../storage/require-database.ts";
import type { SqlLimits } from "../storage/sql/sql-database.ts";
import type { WatchParts } from "../../service/watching/watched-files.ts";
import type { KeyTable } from "./key-table.ts";
import { signerFiles } from "./local-signing-service.ts";
import { existingPassphrases, type SignerPassphrases } from "./signer-passphrases.ts";
import type { GivenPassphrases } from "./given-passphrases.ts";
import { SqliteKeyTable } from "./sqlite-key-table.ts";

/** One of the two is required; the database takes precedence. */
export interface KeyPlace {
  readonly dataDir?: string | undefined;
  /** address: `postgres://…`, `mysql://…` */
  readonly database?: string | undefined;
  /** of connections to it */
  readonly sqlLimits?: Partial<SqlLimits> | undefined;
}

/** How to open a place. */
export interface KeyPlaceOptions {
  /** do not create a file */
  readonly mustExist?: boolean;
  /** receives a sentence for the operator about the database */
  readonly onWarning?: (warning: string) => void;
  /** watches the certificate files that the address names */
  readonly watching?: WatchParts | undefined;
}

/**
 * Opens the table of keys.
 *
 * @throws TagsealError `SERVER_CONFIGURATION`, `STORAGE_FAILED`; UsageError `FILE_UNREADABLE` for required keys that do not exist
 */
export async function openKeyTableOf(
  { database, dataDir, sqlLimits: limits }: KeyPlace,
  { mustExist = false, onWarning, watching }: KeyPlaceOptions = {},
): Promise<KeyTable> {
  if (database !== undefined) {
    const { openKeyTable } = await import("./open-key-table.ts");
    return await openKeyTable(database, { onWarning, limits, watching });
  }
  const path = join(requireDataDir(dataDir), signerFiles.database);
  if (mustExist) requireDatabase(path);
  return new SqliteKeyTable(path);
}

/**
 * The given passphrases, or the one in the data directory.
 *
 * @param inUse aliases that the table's keys are sealed under
 * @throws TagsealError `SERVER_CONFIGURATION`
 */
export function passphrasesOf(
  { dataDir }: Pick<KeyPlace, "dataDir">,
  given: GivenPassphrases | undefined,
  inUse: readonly string[],
): SignerPassphrases {
  return existingPassphrases({ given, file: dataDir === undefined ? undefined : passphraseFileIn(dataDir) }, inUse);
}

/** The file that holds the passphrase of a data directory's keys. */
export function passphraseFileIn(dataDir: string): string {
  return join(dataDir, signerFiles.passphrase);
}
