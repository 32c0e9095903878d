/** Settings of Notary's configuration files that Tagseal accepts and ignores. */

import type { Setting, SettingTable } from "./setting-table.ts";

/** A setting without meaning here. */
export const ignored = { kind: "json", help: "accepted and ignored", ignored: true } as const satisfies Setting;

/** Settings of RethinkDB and CouchDB, in the files of servers and signers; Notary ignores them for other databases. */
export const ignoredStorageSettings = {
  "storage.tls_ca_file": ignored,
  "storage.client_cert_file": ignored,
  "storage.client_key_file": ignored,
  "storage.database": ignored,
  "storage.username": ignored,
  "storage.password": ignored,
} as const satisfies SettingTable;
