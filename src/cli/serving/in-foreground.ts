/** How a server and a signer run in the foreground, beside what makes them different. */
import type { Settings } from "../../server/configuration/settings.ts";
import type { Io } from "../io.ts";
import { reloadOnSignal } from "./reloading.ts";
import { untilAborted } from "./until-aborted.ts";

/** Takes one line of a log, without its end. */
export type LogLine = (line: string) => void;

/** The log of a process in the foreground: lines on standard error. */
export function foregroundLog({ stderr }: Io): LogLine {
  return (line) => {
    stderr.write(`${line}\n`);
  };
}

/** Logs each setting that was given and has no effect. */
export function warnIgnored({ ignored }: Pick<Settings, "ignored">, log: LogLine): void {
  for (const setting of ignored) log(JSON.stringify({ level: "warning", event: "setting ignored", setting }));
}

/** What a token or a service says about itself, as a line of the log. */
export function keyWarning(warning: string): string {
  return JSON.stringify({ level: "warning", event: "keys", warning });
}

/** What runs: reads its files again on request, and finishes what is under way when it is closed. */
export interface InForeground {
  reload(): Promise<void>;
  close(): Promise<void>;
}

/** Waits for the signal to stop, reloading at every SIGHUP, and closes. @returns the exit code */
export async function serveUntilStopped(running: InForeground, io: Io, log: LogLine): Promise<0> {
  const stopReloading = reloadOnSignal(io, running, log);
  await untilAborted(io.signal);
  stopReloading();
  await running.close();
  return 0;
}
