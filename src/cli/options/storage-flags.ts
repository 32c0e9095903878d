/** Flags for where a server's settings and data are. */
import type { Options, TextOption } from "./option.ts";

/** `--config`: settings from a file. */
export const configOption: TextOption = {
  kind: "text",
  value: "file",
  complete: "file",
  help: "Settings in JSON; Notary's configuration files work, too",
};

/** `--notary-config`: the same, under a name that users of Notary look for. */
export const notaryConfigOption: TextOption = {
  kind: "text",
  value: "file",
  complete: "file",
  help: "The same as --config",
};

/** Flags for where the data is. */
export const storageOptions = {
  config: configOption,
  "notary-config": notaryConfigOption,
  data: { kind: "text", value: "dir", complete: "directory", help: "Directory of all data; created when missing" },
  database: {
    kind: "text",
    value: "url",
    help: "Store metadata and keys in a database that several servers share: postgres://… or mysql://…",
  },
} as const satisfies Options;

/** `--signer-database`: the database of the server's keys, when it is not that of the metadata. */
export const signerDatabaseFlag: TextOption = {
  kind: "text",
  value: "url",
  help: "The database of the server's keys, when they are not in --database",
};

/** The same for commands that only read the data of a server. */
export const inspectionOptions = {
  ...storageOptions,
  data: { ...storageOptions.data, help: "The server's data directory" },
  database: { ...storageOptions.database, help: "The server's shared database: postgres://… or mysql://…" },
  "signer-database": signerDatabaseFlag,
} as const satisfies Options;

/** The same for commands that write to it. */
export const serverDataOptions = {
  ...inspectionOptions,
  data: { ...storageOptions.data, help: "The server's data directory; created when missing" },
} as const satisfies Options;

/** Flags for where keys are stored, shared by the signer and the commands that work on its keys. */
export const keyStorageOptions = {
  config: configOption,
  "notary-config": notaryConfigOption,
  data: { kind: "text", value: "dir", complete: "directory", help: "Directory of the keys; created when missing" },
  database: { kind: "text", value: "url", help: "Keep the keys in a database: postgres://… or mysql://…" },
} as const satisfies Options;
