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
import { executableName, rowOf, timeInTurns, type Contender, type Row } from "./measure.ts";
import type { Environment } from "../support/processes.ts";
import { seedTags } from "../support/many-tags.ts";

const untrusted: Environment = { DOCKER_CONTENT_TRUST: "0" };
const untrustedName = "docker 28 without it";
const trusted: Environment = { DOCKER_CONTENT_TRUST: "1" };

function pulls(user: Client, reference: string): Contender[] {
  const pull = (command: string, more: Environment) => (): Promise<unknown> =>
    runOk(command, ["pull", reference], { env: { ...user.env, ...more } });
  const contenders = [
    { name: "tagseal", work: pull(launcher, trusted) },
    { name: untrustedName, work: pull("docker", untrusted) },
    { name: "docker 28", work: pull("docker", trusted) },
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
  { sizes, turns }: { readonly sizes: readonly number[]; readonly turns: number },
): Promise<Row[]> {
  const user = client(scope, { server, engine: await startDockerd(scope), name: "pulls" });
  const rows: Row[] = [];
  for (const tags of sizes) {
    const gun = `${registry.host}/bench/pull${tags}`;
    await buildImage(scope, user, `${gun}:signed`, `pull${tags}`);
    await user.dockerOk(["push", `${gun}:signed`], { env: untrusted });
    if (tags > 1) await seedTags(user, gun, tags - 1);
    await user.dockerOk(["push", `${gun}:signed`], { env: trusted });
    const results = await timeInTurns(pulls(user, `${gun}:signed`), turns);
    const work = `pulling a present image, ${tags === 1 ? "1 tag" : `${tags.toLocaleString("en")} tags`}`;
    const whole = rowOf(`${work}: with content trust`, "ms", results);
    const without = whole.peers.find(({ name }) => name === untrustedName)?.median ?? Number.NaN;
    const added = new Map([...results].map(([name, { median }]) => [name, median - without]));
    added.delete(untrustedName);
    rows.push(whole, rowOf(`${work}: what content trust adds`, "ms", added));
  }
  return rows;
}
