import { jsonOption } from "./output-flags.ts";
import type { Options } from "./option.ts";
import type { keyStorageOptions, storageOptions } from "./storage-flags.ts";

/** Flags of a backup: for what is copied, those that say where the server or the signer keeps it, and for where the copy goes. */
export function backupOptions(storage: typeof storageOptions | typeof keyStorageOptions, owner: "server" | "signer") {
  return {
    ...storage,
    data: { ...storage.data, help: `The ${owner}'s data directory` },
    database: {
      ...storage.database,
      help: `As for the ${owner}; refused, because such a database has its own backup tools`,
    },
    to: { kind: "text", value: "dir", complete: "directory", help: "The directory to create" },
    json: jsonOption,
  } as const satisfies Options;
}
