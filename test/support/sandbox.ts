/** `tagseal sandbox` in a separate process, with the settings it prints for pasting. */
import { cheapKeys, tagsealCommand } from "./clients.ts";
import { freePort, type Environment, type Running, type Scope } from "./processes.ts";

/** A running sandbox. `env` holds the variables it told its user to export, and those that make keys cheap. */
export interface Sandbox {
  readonly env: Environment;
  readonly process: Running;
}

/** `export NAME=value` lines, with the shell's single or double quotes taken off. */
export function exportsIn(text: string): Record<string, string> {
  const found = [...text.matchAll(/^\s*export ([A-Z_]+)=(["']?)(.*?)\2\s*$/gmu)];
  return Object.fromEntries(found.map(([, name = "", , value = ""]) => [name, value]));
}

/** Starts a sandbox on free ports and waits until it has said how to use it. `words` start another command than the checkout's. */
export async function startSandbox(
  scope: Scope,
  [program = "", ...words]: readonly string[] = [tagsealCommand],
  env: Environment = { HOME: scope.directory, TMPDIR: scope.directory },
): Promise<Sandbox> {
  const ports = ["--registry-port", String(await freePort()), "--server-port", String(await freePort())];
  const cheap = program === tagsealCommand ? cheapKeys : {};
  const running = await scope.start("sandbox", program, [...words, "sandbox", ...ports], {
    env: { ...cheap, ...env },
    ready: (log) => exportsIn(log())["DOCKER_CONTENT_TRUST_SERVER"] !== undefined,
  });
  return { env: { ...cheap, ...exportsIn(running.log()) }, process: running };
}
