/** Two of three people sign releases, on machines that share nothing: docker 28, notary 0.7 and Tagseal read the result, and refuse one signature. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { CollectionEditor } from "../../src/tuf/editor.ts";
import type { MetadataFile, RoleName } from "../../src/tuf/metadata.ts";
import { parseMetadata } from "../../src/tuf/notary-v1/parse.ts";
import { makeSnapshot, makeTimestamp } from "../../src/tuf/server-signing.ts";
import { target } from "../support/editing-story.ts";
import { serveFiles } from "../support/file-server.ts";
import { HeldKeys } from "../support/held-keys.ts";
import {
  certificates,
  client,
  missingPeers,
  passphrases,
  Scope,
  startDockerRegistry,
  startNotary,
  startTagsealServer,
  writeLayout,
  type Client,
  type TrustServer,
} from "../support/peers.ts";
import { makeSignerKey } from "../support/signer-key.ts";
import { tagsSeenByDocker, tagsSeenByNotary, tagsSeenByTagseal } from "../support/trust-readers.ts";

const releases = "targets/releases";

/** What newcomers with each of the three see. */
async function seenByAll(reader: (name: string) => Client, gun: string): Promise<readonly (readonly string[])[]> {
  const seen = await Promise.all([
    tagsSeenByDocker(reader("docker"), gun),
    tagsSeenByNotary(reader("notary"), gun),
    tagsSeenByTagseal(reader("tagseal"), gun),
  ]);
  return seen.map((tags) => Object.keys(tags));
}

/** A repository whose releases need two of the keys of alice, bob and carol, with a person on each machine. */
class Team {
  readonly scope: Scope;
  readonly server: TrustServer;
  gun = "";
  digest = "";

  constructor(scope: Scope, server: TrustServer) {
    this.scope = scope;
    this.server = server;
  }

  user(name: string): Client {
    return client(this.scope, { server: this.server, name });
  }

  async begin(registry: string): Promise<this> {
    this.gun = `${registry}/team/app`;
    const owner = this.user("owner");
    const layout = this.scope.path("layout");
    await writeLayout(layout, "hello");
    await owner.tagsealOk(["push", "-q", "--from", `oci:${layout}`, `${this.gun}:first`]);
    this.digest = (await owner.tagsealOk(["verify", "-q", `${this.gun}:first`])).stdout.trim();
    const files: string[] = [];
    for (const role of ["alice", "bob", "carol"]) {
      const { dockerConfig } = this.user(role);
      const made = await makeSignerKey({ dockerConfig, passphrase: passphrases.repository, use: { role } });
      files.push(made.publicKey);
    }
    const adding = ["trust", "delegation", "add", this.gun, releases, ...files];
    await owner.tagsealOk([...adding, "--all-paths", "--threshold", "2"]);
    return this;
  }
}

describe("two of three signers", { skip: missingPeers(["docker", "notary", "registry", "openssl"]) }, () => {
  const scope = new Scope("several-signers");
  let registry: string;
  before(async () => void ({ host: registry } = await startDockerRegistry(scope)));
  after(async () => await scope.close());

  it("complete a proposal that our server keeps, and all three readers take the tag", async () => {
    const team = await new Team(scope, await startTagsealServer(scope)).begin(registry);
    const { gun, digest } = team;
    const [alice, bob] = [team.user("alice"), team.user("bob")];
    const { stdout } = await alice.tagsealOk(["sign", "--propose", "--json", `${gun}:1.0@${digest}`]);
    const { proposal } = JSON.parse(stdout) as { readonly proposal: { readonly id: string } };
    const reader = (when: string) => (name: string) => team.user(`${name}-${when}`);
    for (const tags of await seenByAll(reader("before"), gun)) assert.deepEqual(tags, ["first"]);
    await bob.tagsealOk(["trust", "approve", gun, proposal.id.slice(0, 12), "--yes"]);
    for (const tags of await seenByAll(reader("after"), gun)) assert.deepEqual(tags, ["1.0", "first"]);
    const lookedUp = await team.user("lookup").notaryOk(["lookup", gun, "1.0"]);
    assert.match(lookedUp.stdout, new RegExp(digest.replace("sha256:", ""), "u"));
  });

  it("complete a proposal in files, which a notary server takes as an ordinary upload", async () => {
    const inner = new Scope("several-signers-notary");
    try {
      const team = await new Team(inner, await startNotary(inner, { store: "local" })).begin(registry);
      const { gun, digest } = team;
      const [alice, bob, carol] = [team.user("alice"), team.user("bob"), team.user("carol")];
      const kept = await alice.tagseal(["sign", "--propose", `${gun}:1.0@${digest}`]);
      assert.equal(kept.code, 1);
      assert.match(kept.stderr, /--out FILE[^]*--in FILE[^]*\[PROPOSALS_UNSUPPORTED\]/u);
      const [first, second] = [inner.path("first.json"), inner.path("second.json")];
      await alice.tagsealOk(["sign", "--out", first, `${gun}:1.0@${digest}`]);
      await carol.tagsealOk(["trust", "approve", gun, "--in", first, "--out", second, "--yes"]);
      for (const tags of await seenByAll((name) => team.user(`${name}-before`), gun)) assert.deepEqual(tags, ["first"]);
      await bob.tagsealOk(["trust", "approve", gun, "--in", second, "--yes"]);
      for (const tags of await seenByAll((name) => team.user(`${name}-after`), gun))
        assert.deepEqual(tags, ["1.0", "first"]);
      const [owner, warm] = [team.user("owner"), (name: string) => team.user(`${name}-after`)];
      const again = [
        [alice, bob, ["trust", "witness", gun, releases]],
        [bob, alice, ["trust", "renew", gun]],
        [owner, owner, ["trust", "root", "add-spare", "--key", await rootKeyFile(inner), gun]],
      ] as const;
      for (const [index, [proposer, approver, words]] of again.entries()) {
        const path = inner.path(`again-${index}.json`);
        await proposer.tagsealOk([...words, words.includes("root") ? "--proposal-out" : "--out", path]);
        await approver.tagsealOk(["trust", "approve", gun, "--in", path, "--yes"]);
        for (const tags of await seenByAll(warm, gun)) assert.deepEqual(tags, ["1.0", "first"], words.join(" "));
      }
    } finally {
      await inner.close();
    }
  });

  it("I2: one signature alone is refused by all three, also from a server that has every other key", async () => {
    for (const count of [1, 2]) {
      const gun = `example.com/hostile/app-${count}`;
      const server = await serveTrust(scope, gun, await releasedBy(gun, count));
      const reader = (name: string) => client(scope, { server, name: `${name}-hostile-${count}` });
      const expected = count === 1 ? ["first"] : ["1.0", "first"];
      for (const tags of await seenByAll(reader, gun)) assert.deepEqual(tags, expected, `${count} signatures`);
      const answers = [
        (await reader("docker").docker(["trust", "inspect", `${gun}:1.0`])).stdout.includes('"SignedTag": "1.0"'),
        (await reader("notary").notary(["lookup", gun, "1.0"])).code === 0,
        (await reader("tagseal").tagseal(["verify", "-q", `${gun}:1.0`])).code === 0,
      ];
      assert.deepEqual(answers, [count > 1, count > 1, count > 1], `${count} signatures`);
    }
  });
});

/** The public half of a root key that was made on another machine. */
async function rootKeyFile(scope: Scope): Promise<string> {
  const dockerConfig = scope.path("spare");
  const made = await makeSignerKey({ dockerConfig, passphrase: passphrases.root, use: { role: "root" } });
  return made.publicKey;
}

/** A whole repository in which `count` of the three keys signed the releases. */
async function releasedBy(gun: string, count: number): Promise<ReadonlyMap<RoleName, MetadataFile>> {
  const [held, now] = [new HeldKeys(), new Date()];
  const [targets, snapshot, timestamp] = [held.generate(), held.generate(), held.generate()];
  const editor = CollectionEditor.create(gun, {
    rootKey: await held.generateRoot(gun, now),
    targets,
    snapshot,
    timestamp,
  });
  const keys = [held.generate(), held.generate(), held.generate()];
  editor.addTarget("targets", "first", target("first"));
  editor.addDelegation(releases, { addKeys: keys, addPaths: [""], threshold: 2 });
  editor.addTarget(releases, "1.0", target("one"));
  const signing = held.without(...keys.slice(count)).signingKeys;
  const signed = await editor.sign(signing, { now, initial: true, underSigned: true });
  const find = async (keyId: string) => await held.signingKeys(keyId === snapshot.keyId ? snapshot : timestamp);
  const by = (key: typeof snapshot) => ({
    signers: { roleKeys: { keyIds: [key.keyId], threshold: 1 }, keys: new Map([[key.keyId, key]]) },
    keys: { find },
    now,
  });
  const ownSnapshot = await makeSnapshot(undefined, signed, by(snapshot));
  const files = [...signed].map(([role, bytes]) => parseMetadata(role, bytes));
  const all = [...files, ownSnapshot, await makeTimestamp(undefined, ownSnapshot.bytes, by(timestamp))];
  return new Map(all.map((file) => [file.role, file]));
}

/** Serves them as a trust server does, by name and by checksum. */
async function serveTrust(scope: Scope, gun: string, files: ReadonlyMap<RoleName, MetadataFile>) {
  const tls = await certificates(scope);
  const names = [...files].flatMap(([role, { bytes, body }]) => {
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    return [role, `${role}.${sha256}`, `${body.version}.${role}`].map((name) => [name, bytes] as const);
  });
  const served = names.map(([name, bytes]) => [`v2/${gun}/_trust/tuf/${name}.json`, bytes] as const);
  const { port } = new URL((await serveFiles(scope, [["v2/", "{}"], ...served], tls)).url);
  return { url: `https://localhost:${port}`, port: Number(port), ca: tls.ca };
}
