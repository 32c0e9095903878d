import type { LogLevel } from "../../service/log.ts";
import type { Setting } from "./setting-table.ts";

/** The setting of both servers, with all of Notary's names of levels: https://pkg.go.dev/github.com/sirupsen/logrus#ParseLevel */
export const logLevelSetting = {
  kind: "text",
  help: "`debug`, `info` (default), `warning`, `error`",
  values: ["debug", "info", "warning", "error", "warn", "trace", "fatal", "panic"],
  anyCase: true,
} as const satisfies Setting;

/** Maps Notary's levels: anything graver than an error is logged as an error. */
export function logLevelOf(text: string | undefined): LogLevel {
  if (text === "debug" || text === "trace") return "debug";
  if (text === "warning" || text === "warn") return "warning";
  return text === "error" || text === "fatal" || text === "panic" ? "error" : "info";
}
