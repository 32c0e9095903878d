/** What every way to install Tagseal must give: a command that says its version, plays the demonstration, and publishes and verifies. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { writeLayout } from "./images.ts";
import { runOk, type Scope } from "./processes.ts";
import { startSandbox } from "./sandbox.ts";

const root = resolve(import.meta.dirname, "../..");

/** The version of the checkout, which everything that was built from it must have. */
export const packageVersion = (JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string })
  .version;

/** Uses the command as somebody does who has just installed it. `words` start it; `env` is added to a bare environment. */
export async function useInstalled(
  scope: Scope,
  words: readonly string[],
  env: Record<string, string> = {},
): Promise<void> {
  const home = scope.path("installed-home");
  const [program = "", ...first] = words;
  const bare = { HOME: home, TMPDIR: scope.directory, PATH: "/usr/bin:/bin", ...env };
  const tagseal = async (args: readonly string[], more: Record<string, string | undefined> = {}): Promise<string> =>
    (await runOk(program, [...first, ...args], { env: { ...bare, ...more }, timeoutMs: 120_000 })).stdout;
  assert.equal(await tagseal(["version"]), `tagseal ${packageVersion}\n`);
  const demonstration = await tagseal(["sandbox", "--demo"]);
  assert.match(demonstration, /\nEverything that was signed was found, and every attack was refused\.\n$/u);
  const sandbox = await startSandbox(scope);
  const layout = await writeLayout(scope.path("installed-layout"), "from a package");
  const image = `${sandbox.env["REGISTRY"]}/team/app:1.0`;
  await tagseal(["push", "--quiet", "--from", `oci:${layout.directory}`, image], sandbox.env);
  assert.equal(await tagseal(["verify", image], sandbox.env), `${layout.manifest.digest}\n`);
  await sandbox.process.stop();
}
