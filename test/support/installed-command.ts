/** What every way to install Tagseal must give: a command that says its version, plays the demonstration, and publishes and verifies. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { runOk, type Environment, type Scope } from "./processes.ts";
import { startSandbox, type Sandbox } from "./sandbox.ts";

const root = resolve(import.meta.dirname, "../..");

/** The version of the checkout, which everything that was built from it must have. */
export const packageVersion = (JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string })
  .version;

/** How an installed command is called. */
export interface InstalledCommand {
  /** words that start it */
  readonly words: readonly string[];
  /** words that start its sandbox, when those are others */
  readonly sandbox?: readonly string[];
  /** words that start it where that sandbox is, when those are others */
  readonly beside?: readonly string[];
  /** its environment, which has no more than a home directory and a path beside it */
  readonly env?: Environment;
}

/** Uses the command as somebody does who has just installed it, with a sandbox that it started itself. */
export async function useInstalled(scope: Scope, installed: InstalledCommand): Promise<void> {
  const { words, beside = words } = installed;
  const env = { HOME: scope.path("installed-home"), TMPDIR: scope.directory, PATH: "/usr/bin:/bin", ...installed.env };
  const tagseal = (...args: readonly string[]): Promise<string> => output([...words, ...args], env);
  assert.equal(await tagseal("version"), `tagseal ${packageVersion}\n`);
  const demonstration = await tagseal("sandbox", "--demo");
  assert.match(demonstration, /\nEverything that was signed was found, and every attack was refused\.\n$/u);
  const sandbox = await startSandbox(scope, installed.sandbox ?? words, env);
  await publishAndVerify(sandbox, (...args) => output([...beside, ...args], { ...env, ...sandbox.env }));
  await sandbox.process.stop();
}

async function output([program = "", ...args]: readonly string[], env: Environment): Promise<string> {
  return (await runOk(program, args, { env })).stdout;
}

async function publishAndVerify(
  { env }: Sandbox,
  tagseal: (...args: readonly string[]) => Promise<string>,
): Promise<void> {
  const layout = join(dirname(env["DOCKER_CONFIG"] ?? ""), "hello");
  const image = `${env["REGISTRY"]}/team/app:1.0`;
  const pushed = await tagseal("push", "--quiet", "--from", `oci:${layout}`, image);
  const digest = await tagseal("verify", image);
  assert.match(digest, /^sha256:[0-9a-f]{64}\n$/u);
  assert.ok(pushed.includes(digest.trim()), pushed);
  await assert.rejects(tagseal("verify", `${image}9`), /TAG_NOT_SIGNED/u);
}
