import type { LogLevel } from "../server-log.ts";

/** Notary's levels in ours: what is graver than an error is logged as one, and warnings stand among what is worth knowing. */
export function logLevelOf(text: string | undefined): LogLevel {
  if (text === "debug") return "debug";
  return text === "error" || text === "fatal" || text === "panic" ? "error" : "info";
}
