/** The clock of one process, moved while it runs by `faketime`: other processes, and the monotonic clock, are not affected. */
import { globSync, renameSync, writeFileSync } from "node:fs";
import type { Environment, Scope } from "./processes.ts";

/** A clock that a test moves. */
export interface MovableClock {
  /** for the process */
  readonly env: Environment;
  /** Puts the process's clock so far ahead of the others, or behind them when it is negative. */
  move(seconds: number): void;
}

/** A clock that is right at first. `name` distinguishes it from others of the scope. */
export function movableClock(scope: Scope, name: string): MovableClock {
  const file = scope.path(`clock-${name}`);
  const [library = ""] = globSync("/usr/lib/*/faketime/libfaketime.so.1");
  const move = (seconds: number): void => {
    writeFileSync(`${file}.next`, `${seconds < 0 ? "" : "+"}${seconds}\n`);
    renameSync(`${file}.next`, file);
  };
  move(0);
  const env = {
    LD_PRELOAD: library,
    FAKETIME_TIMESTAMP_FILE: file,
    FAKETIME_NO_CACHE: "1",
    FAKETIME_DONT_FAKE_MONOTONIC: "1",
    NO_FAKE_STAT: "1",
  };
  return { env, move };
}
