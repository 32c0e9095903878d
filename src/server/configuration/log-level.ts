import type { LogLevel } from "../server-log.ts";

/** Notary's levels in ours: what is graver than an error is logged as one. */
export function logLevelOf(text: string | undefined): LogLevel {
  if (text === "debug" || text === "warning") return text;
  return text === "error" || text === "fatal" || text === "panic" ? "error" : "info";
}
