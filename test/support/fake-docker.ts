/** A program called docker that does what its first argument says, for tests of how a program is run rather than of what it does. */
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import type { Scope } from "./processes.ts";

/**
 * `ps ARGS…` prints each argument on a line in angle brackets; `exec CODE` ends with a code; `logs` copies its input; `info` says what its
 * streams are; `wait` waits for a signal; `stats` waits, too, and ends with 3 at Ctrl-C; `events VARIABLE` prints a variable; `kill NAME`
 * ends itself with a signal.
 */
const script = `#!/bin/sh
word=$1
shift
case $word in
  ps) for argument in "$@"; do printf '<%s>\\n' "$argument"; done ;;
  exec) exit "$1" ;;
  logs) exec cat ;;
  info) for stream in 0 1 2; do if [ -t $stream ]; then echo terminal; else echo file; fi; done ;;
  wait) echo "waiting as $$"; exec sleep 60 ;;
  stats) trap 'echo interrupted; exit 3' INT; echo waiting; while :; do sleep 0.1; done ;;
  events) eval "echo \\"\\$$1\\"" ;;
  kill) kill "-$1" $$ ;;
  *) echo "asked to $word $*" ;;
esac
`;

/** Writes it into a new directory below the scope, to be put into a PATH. */
export function installFakeDocker(scope: Scope, name = "fake-docker"): string {
  const directory = scope.path(name);
  mkdirSync(directory, { recursive: true });
  writeFileSync(`${directory}/docker`, script);
  chmodSync(`${directory}/docker`, 0o755);
  return directory;
}
