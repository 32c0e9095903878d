/** Verifying a tag with Tagseal beside verifying a digest with cosign and notation: local keys, no transparency log. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { findGoPeer } from "../support/go-peers.ts";
import { upload } from "../support/many-tags.ts";
import { runOk, startDockerRegistry, startTagsealServer, writeLayout, type Scope } from "../support/peers.ts";
import type { Environment } from "../support/processes.ts";
import { ours } from "./clients.ts";
import { rowOf, timeInTurns, type Contender, type Row } from "./measure.ts";
import { MeteredUser } from "./meter.ts";

/** An image under its name, and where other tools keep their keys. */
interface Stand {
  readonly scope: Scope;
  /** bytes to and from a registry are not counted */
  readonly others: MeteredUser;
  readonly name: string;
}

/** Rows of a tag that one machine knows and another does not; the others keep nothing between two verifications. */
export async function verifyDigests(scope: Scope, turns: number): Promise<Row[]> {
  const [server, registry] = [await startTagsealServer(scope), await startDockerRegistry(scope)];
  const image = await writeLayout(scope.path("image"), "hello");
  const repository = `${registry.host}/bench/digests`;
  await upload(image, `${repository}:v1`);
  const metered = await MeteredUser.start(scope, "digests", server);
  await metered.user.tagsealOk(["sign", `${repository}:v1@${image.manifest.digest}`]);
  const name = `${repository}@${image.manifest.digest}`;
  const stand = { scope, others: await MeteredUser.start(scope, "others"), name };
  const others = [...(await cosign(stand)), ...(await notation(stand))];
  const memory = join(metered.user.trustDirectory, "tuf", repository);
  const rows: Row[] = [];
  for (const [work, prepare] of [
    ["verify a tag, the others a digest", undefined],
    ["the same on a new machine", () => rmSync(memory, { recursive: true, force: true })],
  ] as const) {
    const own = ours(metered, "tagseal verify", () => ["verify", `${repository}:v1`], prepare);
    rows.push(rowOf(work, "ms", await timeInTurns([...own, ...others], turns)));
  }
  return rows;
}

function contender({ others }: Stand, command: string, args: readonly string[], env: Environment): Contender {
  const name = `${basename(command)} ${args[0] ?? ""}`;
  return others.contender(name, async ({ env: own }, options) => {
    await runOk(command, args, { ...options, env: { ...own, ...env } });
  });
}

/** Signs the digest with cosign. @returns none where it is not built */
async function cosign(stand: Stand): Promise<Contender[]> {
  const command = findGoPeer("cosign");
  if (command === undefined) return [];
  const cwd = stand.scope.path("cosign");
  mkdirSync(cwd);
  const env = { ...stand.others.user.env, COSIGN_PASSWORD: "bench passphrase" };
  await runOk(command, ["generate-key-pair"], { env, cwd });
  const signing = [
    "sign",
    "--key",
    "cosign.key",
    "--tlog-upload=false",
    "--use-signing-config=false",
    "-y",
    stand.name,
  ];
  await runOk(command, signing, { env, cwd });
  const key = ["--key", join(cwd, "cosign.pub")];
  return [
    contender(stand, command, ["verify", ...key, "--insecure-ignore-tlog", "--private-infrastructure", stand.name], {}),
  ];
}

/** Signs the digest with notation. @returns none where it is not built */
async function notation(stand: Stand): Promise<Contender[]> {
  const command = findGoPeer("notation");
  if (command === undefined) return [];
  const env = { XDG_CONFIG_HOME: stand.scope.path("notation") };
  const directory = join(env.XDG_CONFIG_HOME, "notation");
  mkdirSync(directory, { recursive: true });
  const trusted = { registryScopes: ["*"], trustStores: ["ca:bench"], trustedIdentities: ["*"] };
  const policy = { name: "bench", ...trusted, signatureVerification: { level: "strict" } };
  writeFileSync(join(directory, "trustpolicy.json"), JSON.stringify({ version: "1.0", trustPolicies: [policy] }));
  const options = { env: { ...stand.others.user.env, ...env } };
  await runOk(command, ["cert", "generate-test", "--default", "bench"], options);
  await runOk(command, ["sign", "--insecure-registry", stand.name], options);
  return [contender(stand, command, ["verify", "--insecure-registry", stand.name], env)];
}
