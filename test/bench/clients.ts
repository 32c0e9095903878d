/** The command lines side by side: start-up, verify and sign, on repositories of growing size. */
import { existsSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import {
  launcher,
  missingPeers,
  run,
  runOk,
  startDockerRegistry,
  startNotary,
  startTagsealServer,
  writeLayout,
  type LayoutImage,
  type Peer,
  type Scope,
  type TrustServer,
} from "../support/peers.ts";
import { seedTags, upload } from "../support/many-tags.ts";
import { executableName, rowOf, timeInTurns, type Contender, type Point, type Row } from "./measure.ts";
import { MeteredUser, type Act } from "./meter.ts";

/** `npm run executable` makes it; without it there is a column less. */
export const executable = resolve(import.meta.dirname, `../../dist/tagseal-linux-${process.arch}`);

/** Tagseal on Node.js, and the executable where there is one, doing the same. */
export function ours(
  metered: MeteredUser,
  name: string,
  args: () => readonly string[],
  prepare?: () => void,
): Contender[] {
  const commands = new Map([[name, launcher]]);
  if (existsSync(executable)) commands.set(executableName, executable);
  const act =
    (command: string): Act =>
    async ({ env }, options) =>
      await runOk(command, args(), { ...options, env });
  return [...commands].map(([label, command]) => metered.contender(label, act(command), prepare));
}

/** Those of the contenders whose program is on this machine. */
function present(contenders: readonly (readonly [Peer, Contender])[]): Contender[] {
  return contenders.filter(([peer]) => missingPeers([peer]) === false).map(([, contender]) => contender);
}

/** Start-up: what each program costs before it does anything. */
export async function startUp(scope: Scope, turns: number): Promise<Row[]> {
  const metered = await MeteredUser.start(scope, "start");
  const other = (name: string, command: string, args: readonly string[]): Contender =>
    metered.contender(name, async (_, options) => await runOk(command, args, options));
  // docker leaves with an error when no engine answers; it has started all the same
  const env = { DOCKER_HOST: "unix:///nowhere" };
  const contenders = [
    ...ours(metered, "tagseal version", () => ["version"]),
    other("bare node", process.execPath, ["-e", "0"]),
    ...present([
      ["notary", other("notary version", "notary", ["version"])],
      ["docker", other("docker --version", "docker", ["--version"])],
      [
        "docker",
        metered.contender(
          "docker version",
          async (_, options) => await run("docker", ["version"], { ...options, env }),
        ),
      ],
    ]),
  ];
  return [rowOf("start: `tagseal version`", "ms", await timeInTurns(contenders, turns))];
}

/** How large repositories are, and which of the sizes are in the plots alone. */
export interface ClientLoad {
  readonly sizes: readonly number[];
  readonly drawnOnly: readonly number[];
  /** of a repository of so many tags */
  readonly turns: (tags: number) => number;
}

/** What counts, and a first look that takes seconds. */
export const clientLoads = {
  whole: {
    sizes: [1, 10, 100, 1000, 10_000, 50_000, 100_000],
    drawnOnly: [10, 100, 100_000],
    turns: (tags) => (tags >= 50_000 ? 3 : tags >= 10_000 ? 5 : 11),
  },
  quick: { sizes: [100], drawnOnly: [], turns: () => 1 },
} as const satisfies Readonly<Record<string, ClientLoad>>;

interface Repository {
  readonly gun: string;
  readonly tags: number;
  readonly turns: number;
  readonly isDrawnOnly: boolean;
}

function countOf(tags: number): string {
  return tags === 1 ? "1 tag" : `${tags.toLocaleString("en")} tags`;
}

function pointOf(plot: string, { tags, isDrawnOnly }: Repository): Point {
  return { plot, x: tags, isDrawnOnly };
}

/** What any verification with Node.js takes at least: the runtime, its TLS code, and one answer of the server. */
function oneRequest(metered: MeteredUser, server: TrustServer, gun: string): Contender {
  const script = `require("node:https").get(process.argv[1], { ca: require("node:fs").readFileSync(process.argv[2]) }, (answer) => answer.resume())`;
  const url = `${server.url}/v2/${gun}/_trust/tuf/timestamp.json`;
  return metered.contender("bare node, one request over TLS", async ({ env }, options) => {
    await runOk(process.execPath, ["-e", script, url, server.ca], { ...options, env });
  });
}

/** By a machine that knows the repository, or by one that has forgotten it before each turn. */
async function verify(
  metered: MeteredUser,
  kind: "warm" | "cold",
  repository: Repository,
  others: readonly Contender[] = [],
): Promise<Row> {
  const { gun, tags, turns } = repository;
  const memory = join(metered.user.trustDirectory, "tuf", gun);
  const prepare = kind === "warm" ? undefined : (): void => rmSync(memory, { recursive: true, force: true });
  const lookup: Act = async (user, options) => await user.notaryOk(["lookup", gun, "t0"], options);
  const inspect: Act = async (user, options) => await user.dockerOk(["trust", "inspect", `${gun}:t0`], options);
  const contenders = [
    ...ours(metered, "tagseal verify", () => ["verify", `${gun}:t0`], prepare),
    ...present([
      ["notary", metered.contender("notary lookup", lookup, prepare)],
      ["docker", metered.contender("docker trust inspect", inspect, prepare)],
    ]),
    ...others,
  ];
  const results = await timeInTurns(contenders, turns);
  return rowOf(`${kind} verify, ${countOf(tags)}`, "ms", results, pointOf(kind, repository));
}

/** Both sides use the key files that notary made, so that unlocking a key costs them the same. */
async function signOneMore(
  metered: MeteredUser,
  reference: MeteredUser,
  repository: Repository,
  image: LayoutImage,
): Promise<Row> {
  const { gun, tags, turns } = repository;
  const { digest, size } = image.manifest;
  const hex = digest.replace("sha256:", "");
  let next = 0;
  const addHash: Act = async (user, options) =>
    await user.notaryOk(["addhash", gun, `theirs${(next += 1)}`, String(size), "--sha256", hex, "-p"], options);
  const contenders = [
    ...ours(metered, "tagseal sign", () => ["sign", `${gun}:ours${(next += 1)}@${digest}`]),
    metered.contender("notary addhash -p on the same server", addHash),
    reference.contender("notary addhash -p on notary-server in memory", addHash),
  ];
  const results = await timeInTurns(contenders, turns);
  return rowOf(`sign and publish one more tag, ${countOf(tags)}`, "ms", results, pointOf("publish", repository));
}

async function signHundred(metered: MeteredUser, gun: string, image: LayoutImage, turns: number): Promise<Row> {
  let next = 0;
  const names = (count: number): string[] =>
    Array.from({ length: count }, () => `${gun}:many${(next += 1)}@${image.manifest.digest}`);
  const one: Act = async (user, options) => await user.tagsealOk(["sign", ...names(1)], options);
  const contenders = [
    ...ours(metered, "100 tags", () => ["sign", ...names(100)]),
    metered.contender("1 tag, itself", one),
  ];
  return rowOf("sign 100 tags of one repository in one command", "ms", await timeInTurns(contenders, turns));
}

/** Verifying and signing against Tagseal's server, on repositories of growing size; notary also signs on its own. */
export async function* verifyAndSign(scope: Scope, load: ClientLoad): AsyncGenerator<Row, void> {
  const [server, referenceServer] = [await startTagsealServer(scope), await startNotary(scope)];
  const registry = await startDockerRegistry(scope);
  const image = await writeLayout(scope.path("image"), "hello");
  const metered = await MeteredUser.start(scope, "ours", server);
  const reference = await MeteredUser.start(scope, "reference", referenceServer);
  for (const tags of load.sizes) {
    const isDrawnOnly = load.drawnOnly.includes(tags);
    const repository = { gun: `${registry.host}/bench/app${tags}`, tags, turns: load.turns(tags), isDrawnOnly };
    await upload(image, `${repository.gun}:upload`);
    await seedTags(metered.user, repository.gun, tags);
    await seedTags(reference.user, repository.gun, tags);
    const least = tags === 1 ? [oneRequest(metered, server, repository.gun)] : [];
    yield await verify(metered, "warm", repository, least);
    yield await verify(metered, "cold", repository);
    yield await signOneMore(metered, reference, repository, image);
    if (tags === 1) yield await signHundred(metered, repository.gun, image, Math.min(3, repository.turns));
  }
}
