/** Debian's notary-server with Tagseal's signer instead of notary-signer. */
import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { parseMetadata } from "../../src/tuf/notary-v1/parse.ts";
import {
  client,
  missingPeers,
  run,
  runOk,
  Scope,
  startNotary,
  startTagsealSigner,
  waitUntil,
  type Client,
  type TagsealSigner,
  type TrustServer,
} from "../support/peers.ts";

interface Line {
  readonly event: string;
  readonly call?: string;
  readonly caller?: string;
  readonly code?: string;
}

const scope = new Scope("signer-for-notary");
let signer: TagsealSigner;
let server: TrustServer;

/** What the signer has logged since it was started. */
function logged(): Line[] {
  const lines = signer.process
    .log()
    .split("\n")
    .filter((line) => line.startsWith("{"));
  return lines.map((line) => JSON.parse(line) as Line);
}

async function curl(path: string): Promise<string> {
  return (await runOk("curl", ["-sS", "--fail", "--cacert", server.ca, `${server.url}${path}`])).stdout;
}

async function keyId(gun: string, role: string): Promise<string | undefined> {
  const root = parseMetadata("root", Buffer.from(await curl(`/v2/${gun}/_trust/tuf/root.json`)));
  return root.body.roles.get(role)?.keyIds?.at(0);
}

async function healthStatus(): Promise<string> {
  const url = `${server.url}/_notary_server/health`;
  return (await run("curl", ["-sS", "-o", "/dev/null", "-w", "%{http_code}", "--cacert", server.ca, url])).stdout;
}

/** A user with one published collection, whose snapshot the server signs, with the tag `v1`. */
async function publisher(gun: string): Promise<Client> {
  const user = client(scope, { server, name: gun.replaceAll("/", "-") });
  writeFileSync(join(user.dockerConfig, "content"), "hello\n");
  await user.notaryOk(["init", gun, "-p"]);
  await user.notaryOk(["key", "rotate", gun, "snapshot", "-r"]);
  await add(user, gun, "v1");
  return user;
}

function add(user: Client, gun: string, tag: string): Promise<unknown> {
  return user.notaryOk(["add", "-p", gun, tag, join(user.dockerConfig, "content")]);
}

/** What a client that never saw the collection before reads. */
async function listedByNewcomer(gun: string): Promise<string> {
  const newcomer = client(scope, { server, name: "newcomer" });
  rmSync(join(newcomer.trustDirectory, "tuf"), { recursive: true, force: true });
  return (await newcomer.notaryOk(["list", gun])).stdout;
}

describe("notary-server with tagseal signer", { skip: missingPeers(["notary"]) }, () => {
  before(async () => {
    signer = await startTagsealSigner(scope);
    server = await startNotary(scope, { signerPort: signer.port });
  });
  after(() => scope.close());

  it("publishes what newcomers verify, with keys that our signer holds", async () => {
    const gun = "example.com/first/app";
    await publisher(gun);
    assert.match(await listedByNewcomer(gun), /^v1\s/mu);
    const signed = logged().filter(({ call }) => call === "/proto.Signer/Sign");
    assert.ok(signed.length >= 2, "timestamp and snapshot");
    assert.deepEqual([...new Set(signed.map(({ caller }) => caller))], ["localhost"]);
  });

  it("rotates the timestamp and the snapshot key to new ones", async () => {
    const gun = "example.com/rotated/app";
    const user = await publisher(gun);
    for (const role of ["timestamp", "snapshot"]) {
      const before = await keyId(gun, role);
      await user.notaryOk(["key", "rotate", gun, role, "-r"]);
      assert.notEqual(await keyId(gun, role), before, role);
    }
    await add(user, gun, "v2");
    assert.match(await listedByNewcomer(gun), /^v2\s/mu);
  });

  it("is unhealthy while the signer is down, and continues by itself with the same keys", async () => {
    const gun = "example.com/interrupted/app";
    const user = await publisher(gun);
    const before = await keyId(gun, "timestamp");
    await signer.process.stop();
    const refused = await user.notary(["add", "-p", gun, "v2", join(user.dockerConfig, "content")]);
    assert.notEqual(refused.code, 0);
    signer = await startTagsealSigner(scope, signer);
    // The change that was refused is still staged; publishing carries it out.
    await waitUntil("notary-server publishes again", async () => (await user.notary(["publish", gun])).code === 0);
    assert.match(await listedByNewcomer(gun), /^v2\s/mu);
    assert.equal(await keyId(gun, "timestamp"), before);
    await waitUntil("notary-server is healthy again", async () => (await healthStatus()) === "200");
  });

  it("uses Ed25519 keys where it is set to", async () => {
    const gun = "example.com/edwards/app";
    server = await startNotary(scope, { signerPort: signer.port, keyAlgorithm: "ed25519" });
    await publisher(gun);
    assert.match(await listedByNewcomer(gun), /^v1\s/mu);
    const root = parseMetadata("root", Buffer.from(await curl(`/v2/${gun}/_trust/tuf/root.json`)));
    assert.equal(root.body.keys.get((await keyId(gun, "timestamp")) ?? "")?.keyType, "ed25519");
  });
});
