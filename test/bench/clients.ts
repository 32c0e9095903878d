/** The command lines side by side: start-up, verify and sign, on repositories of growing size. */
import { existsSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import {
  client,
  launcher,
  run,
  runOk,
  type Client,
  type LayoutImage,
  type Registry,
  type Scope,
  type TrustServer,
} from "../support/peers.ts";
import { executableName, rowOf, timeInTurns, type Contender, type Row } from "./measure.ts";
import { seedTags, upload } from "./seed.ts";

/** `npm run executable` makes it; without it there is a column less. */
export const executable = resolve(import.meta.dirname, `../../dist/tagseal-linux-${process.arch}`);

/** Tagseal on Node.js, and the executable where there is one, doing the same. */
function ours(
  name: string,
  { prepare, user }: { readonly prepare?: () => void; readonly user?: Client },
  args: () => readonly string[],
): Contender[] {
  const commands = new Map([[name, launcher]]);
  if (existsSync(executable)) commands.set(executableName, executable);
  const env = user === undefined ? {} : { env: user.env };
  return [...commands].map(([label, command]) => ({
    name: label,
    ...(prepare === undefined ? {} : { prepare }),
    work: () => runOk(command, args(), env),
  }));
}

/** Start-up: what each program costs before it does anything. */
export async function startUp(turns: number): Promise<Row[]> {
  const results = await timeInTurns(
    [
      ...ours("tagseal version", {}, () => ["version"]),
      { name: "bare node", work: () => runOk(process.execPath, ["-e", "0"]) },
      { name: "notary version", work: () => runOk("notary", ["version"]) },
      { name: "docker --version", work: () => runOk("docker", ["--version"]) },
      // docker leaves with an error when no engine answers; it has started all the same
      { name: "docker version", work: () => run("docker", ["version"], { env: { DOCKER_HOST: "unix:///nowhere" } }) },
    ],
    turns,
  );
  return [rowOf("start: `tagseal version`", "ms", results)];
}

interface Repository {
  readonly gun: string;
  readonly tags: number;
}

function countOf(tags: number): string {
  return tags === 1 ? "1 tag" : `${tags.toLocaleString("en")} tags`;
}

async function verifyWarm(user: Client, { gun, tags }: Repository, turns: number): Promise<Row> {
  const results = await timeInTurns(
    [
      ...ours("tagseal verify", { user }, () => ["verify", `${gun}:t0`]),
      { name: "notary lookup", work: () => user.notaryOk(["lookup", gun, "t0"]) },
      { name: "docker trust inspect", work: () => user.dockerOk(["trust", "inspect", `${gun}:t0`]) },
    ],
    turns,
  );
  return rowOf(`warm verify, ${countOf(tags)}`, "ms", results);
}

async function verifyCold(user: Client, { gun, tags }: Repository, turns: number): Promise<Row> {
  const prepare = (): void => rmSync(join(user.trustDirectory, "tuf", gun), { recursive: true, force: true });
  const results = await timeInTurns(
    [
      ...ours("tagseal verify", { prepare, user }, () => ["verify", `${gun}:t0`]),
      { name: "notary lookup", prepare, work: () => user.notaryOk(["lookup", gun, "t0"]) },
      { name: "docker trust inspect", prepare, work: () => user.dockerOk(["trust", "inspect", `${gun}:t0`]) },
    ],
    turns,
  );
  return rowOf(`cold verify, ${countOf(tags)}`, "ms", results);
}

/** Both sides use the key files that notary made, so that unlocking a key costs them the same. */
async function signOneMore(
  user: Client,
  reference: Client,
  { gun, tags }: Repository,
  image: LayoutImage,
  turns: number,
): Promise<Row> {
  const { digest, size } = image.manifest;
  const hex = digest.replace("sha256:", "");
  let next = 0;
  const addHash = (): string[] => ["addhash", gun, `theirs${(next += 1)}`, String(size), "--sha256", hex, "-p"];
  const results = await timeInTurns(
    [
      ...ours("tagseal sign", { user }, () => ["sign", `${gun}:ours${(next += 1)}@${digest}`]),
      { name: "notary addhash -p on the same server", work: () => user.notaryOk(addHash()) },
      { name: "notary addhash -p on notary-server in memory", work: () => reference.notaryOk(addHash()) },
    ],
    turns,
  );
  return rowOf(`sign and publish one more tag, ${countOf(tags)}`, "ms", results);
}

async function signHundred(user: Client, gun: string, image: LayoutImage, turns: number): Promise<Row> {
  let next = 0;
  const names = (count: number): string[] =>
    Array.from({ length: count }, () => `${gun}:many${(next += 1)}@${image.manifest.digest}`);
  const results = await timeInTurns(
    [
      ...ours("100 tags", { user }, () => ["sign", ...names(100)]),
      { name: "1 tag, itself", work: () => user.tagsealOk(["sign", ...names(1)]) },
    ],
    turns,
  );
  return rowOf("sign 100 tags of one repository in one command", "ms", results);
}

/** Verifying and signing against Tagseal's server, on repositories of each of `sizes` tags; notary also signs on its own. */
export async function verifyAndSign(
  scope: Scope,
  server: TrustServer,
  referenceServer: TrustServer,
  registry: Registry,
  image: LayoutImage,
  sizes: readonly number[],
): Promise<Row[]> {
  const user = client(scope, { server, name: `bench-${server.port}` });
  const reference = client(scope, { server: referenceServer, name: `bench-${referenceServer.port}` });
  const rows: Row[] = [];
  for (const tags of sizes) {
    const repository = { gun: `${registry.host}/bench/app${tags}`, tags };
    await upload(image, `${repository.gun}:upload`);
    await seedTags(user, repository.gun, tags);
    await seedTags(reference, repository.gun, tags);
    const turns = tags >= 50_000 ? 3 : tags >= 10_000 ? 5 : 11;
    rows.push(await verifyWarm(user, repository, turns), await verifyCold(user, repository, turns));
    rows.push(await signOneMore(user, reference, repository, image, turns));
    if (tags === 1) rows.push(await signHundred(user, repository.gun, image, 3));
  }
  return rows;
}
