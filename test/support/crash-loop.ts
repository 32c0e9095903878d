/** Kills the trust server in the middle of publishes, again and again, and asks afterwards what it still knows. */
import { client, tagsealCommand } from "./clients.ts";
import type { LayoutImage } from "./images.ts";
import { freePort, run, runOk, type Environment, type Scope } from "./processes.ts";
import { startSandbox } from "./sandbox.ts";
import { startTagsealServer } from "./tagseal-server.ts";

/** What was acknowledged over all rounds, and what was found after the last one. */
export interface CrashResult {
  readonly acknowledged: ReadonlySet<string>;
  readonly found: ReadonlySet<string>;
}

interface Publisher {
  readonly env: Environment;
  readonly repository: string;
  readonly digest: string;
}

/** Publishes tags one after another until one fails, which is when the server has died. */
async function publishUntilFailure(publisher: Publisher, round: number, acknowledged: Set<string>): Promise<void> {
  for (let index = 0; ; index += 1) {
    const tag = `r${round}-${index}`;
    const image = `${publisher.repository}:${tag}@${publisher.digest}`;
    const { code } = await run(tagsealCommand, ["sign", image], { env: publisher.env });
    if (code !== 0) return;
    acknowledged.add(tag);
  }
}

/**
 * Runs `rounds` times: server up on the same data, publishes one after another, `kill -9` at a random moment within
 * `withinMs`. The registry stays up throughout.
 */
export async function crashLoop(
  scope: Scope,
  image: LayoutImage,
  rounds: number,
  withinMs: number,
): Promise<CrashResult> {
  const sandbox = await startSandbox(scope); // for its registry
  const port = await freePort();
  const data = scope.path("crash-data");
  const acknowledged = new Set<string>();
  const repository = `${sandbox.env["REGISTRY"]}/crash/app`;
  let server = await startTagsealServer(scope, { data, port });
  const user = client(scope, { server, name: "crash-publisher" });
  const publisher = { env: user.env, repository, digest: image.manifest.digest };
  await runOk(tagsealCommand, ["push", "--from", `oci:${image.directory}`, `${repository}:first`], { env: user.env });
  for (let round = 0; round < rounds; round += 1) {
    const publishing = publishUntilFailure(publisher, round, acknowledged);
    await new Promise((resolve) => setTimeout(resolve, Math.random() * withinMs));
    await server.process.stop("SIGKILL");
    await publishing;
    server = await startTagsealServer(scope, { data, port });
    // A newcomer must be able to verify everything at once: no half of a publish may show.
    const newcomer = client(scope, { server, name: `crash-reader-${round}` });
    await newcomer.tagsealOk(["verify", `${repository}:first`]);
  }
  const { stdout } = await client(scope, { server, name: "crash-judge" }).tagsealOk(["list", "--json", repository]);
  const found = new Set((JSON.parse(stdout) as readonly { readonly tag: string }[]).map(({ tag }) => tag));
  return { acknowledged, found };
}
