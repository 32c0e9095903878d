import { jsonOption } from "./output-flags.ts";
import type { Options } from "./option.ts";

/** Flags for where the copy goes. */
export const backupOptions = {
  to: { kind: "text", value: "dir", complete: "directory", help: "The directory to create" },
  json: jsonOption,
} as const satisfies Options;
