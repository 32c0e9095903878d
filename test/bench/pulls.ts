/** What content trust adds to pulling an image that the engine has already: ours beside docker's own. */
import { existsSync } from "node:fs";
import {
  buildImage,
  client,
  launcher,
  runOk,
  startDockerd,
  type Client,
  type Registry,
  type Scope,
  type TrustServer,
} from "../support/peers.ts";
import { executable } from "./clients.ts";
import { executableName, timeInTurns, type Contender, type Row } from "./measure.ts";
import type { Environment } from "../support/processes.ts";
import { seedTags } from "./seed.ts";

const untrusted: Environment = { DOCKER_CONTENT_TRUST: "0" };
const trusted: Environment = { DOCKER_CONTENT_TRUST: "1" };

function pulls(user: Client, reference: string): Contender[] {
  const pull = (command: string, more: Environment) => (): Promise<unknown> =>
    runOk(command, ["pull", reference], { env: { ...user.env, ...more } });
  const contenders = [
    { name: "untrusted", work: pull("docker", untrusted) },
    { name: "docker", work: pull("docker", trusted) },
    { name: "tagseal", work: pull(launcher, trusted) },
  ];
  return existsSync(executable)
    ? [...contenders, { name: executableName, work: pull(executable, trusted) }]
    : contenders;
}

/** Milliseconds that a trusted pull takes longer than docker's untrusted one, on repositories of each of `sizes` tags. */
export async function trustedPulls(
  scope: Scope,
  server: TrustServer,
  registry: Registry,
  sizes: readonly number[],
): Promise<Row[]> {
  const user = client(scope, { server, engine: await startDockerd(scope), name: "pulls" });
  const rows: Row[] = [];
  for (const tags of sizes) {
    const gun = `${registry.host}/bench/pull${tags}`;
    await buildImage(scope, user, `${gun}:signed`, `pull${tags}`);
    await user.dockerOk(["push", `${gun}:signed`], { env: untrusted });
    if (tags > 1) await seedTags(user, gun, tags - 1);
    await user.dockerOk(["push", `${gun}:signed`], { env: trusted });
    const results = await timeInTurns(pulls(user, `${gun}:signed`), 41);
    const added = (name: string): number =>
      (results.get(name) ?? Number.NaN) - (results.get("untrusted") ?? Number.NaN);
    rows.push({
      work: `added by trust to a pull, ${tags} tags (untrusted: ${results.get("untrusted")?.toFixed(0)} ms)`,
      unit: "ms",
      ours: added("tagseal"),
      ...(results.has(executableName) ? { executable: added(executableName) } : {}),
      peers: [{ name: "docker 28", value: added("docker") }],
    });
  }
  return rows;
}
