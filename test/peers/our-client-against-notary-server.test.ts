/** Everything the command line does, against the reference server and signer, on memory and on PostgreSQL. */
import assert from "node:assert/strict";
import { cpSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import {
  client,
  missingPeers,
  passphraseEnvironment,
  passphrases,
  runOk,
  runOnTerminal,
  Scope,
  startDockerRegistry,
  startNotary,
  tagsealCommand,
  writeLayout,
  type Client,
  type LayoutImage,
  type NotaryServer,
  type NotaryStore,
  type Registry,
} from "../support/peers.ts";
import { tagsSeenByNotary, tagsSeenByTagseal } from "../support/trust-readers.ts";

const noPassphrases = Object.fromEntries(Object.keys(passphraseEnvironment).map((name) => [name, undefined]));

const openssl = (...args: string[]): Promise<unknown> => runOk("openssl", args);

function stories(store: NotaryStore): void {
  const scope = new Scope("our-client");
  let server: NotaryServer;
  let registry: Registry;
  let images: { readonly one: LayoutImage; readonly two: LayoutImage };

  before(async () => {
    [server, registry] = await Promise.all([startNotary(scope, { store }), startDockerRegistry(scope)]);
    images = { one: await writeLayout(scope.path("one"), "one"), two: await writeLayout(scope.path("two"), "two") };
  });
  after(async () => await scope.close());

  const newUser = (name: string): Client => client(scope, { server, name });

  async function push(user: Client, label: "one" | "two", image: string): Promise<string> {
    await user.tagsealOk(["push", "--from", `oci:${images[label].directory}`, image]);
    return images[label].manifest.digest;
  }

  it("pushes, signs, verifies and pulls an image byte for byte", async () => {
    const image = `${registry.host}/push/app:v1`;
    const digest = await push(newUser("push-publisher"), "one", image);
    const reader = newUser("push-reader");
    const verified = await reader.tagsealOk(["verify", image]);
    assert.match(verified.stdout, new RegExp(digest, "u"));
    await reader.tagsealOk(["pull", "--to", `oci:${scope.path("pulled")}`, image]);
    const layer = `blobs/sha256/${images.one.layer.digest.replace("sha256:", "")}`;
    assert.deepEqual(readFileSync(scope.path("pulled", layer)), readFileSync(join(images.one.directory, layer)));
  });

  it("is read by notary as what it is", async () => {
    const user = newUser("read");
    const repository = `${registry.host}/read/app`;
    const one = await push(user, "one", `${repository}:v1`);
    const two = await push(user, "two", `${repository}:v2`);
    assert.deepEqual(await tagsSeenByNotary(newUser("read-stranger"), repository), { v1: one, v2: two });
    assert.deepEqual(await tagsSeenByTagseal(newUser("read-other"), repository), { v1: one, v2: two });
  });

  it("says what is not signed with exit code 2", async () => {
    const user = newUser("unsigned");
    const repository = `${registry.host}/unsigned/app`;
    const absent = await user.tagseal(["verify", `${repository}:v1`]);
    assert.equal(absent.code, 2);
    assert.match(absent.stderr, /REPOSITORY_NOT_SIGNED/u);
    await push(user, "one", `${repository}:v1`);
    const unknown = await user.tagseal(["verify", `${repository}:v2`]);
    assert.equal(unknown.code, 2);
    assert.match(unknown.stderr, /TAG_NOT_SIGNED/u);
  });

  it("refuses to sign a digest the registry does not serve", async () => {
    const image = `${registry.host}/absent/app:v1`;
    const refused = await newUser("absent").tagseal(["sign", `${image}@sha256:${"0".repeat(64)}`]);
    assert.notEqual(refused.code, 0);
    assert.equal((await newUser("absent").tagseal(["verify", image])).code, 2);
  });

  it("works with signers: generate, add, sign, inspect, remove", async () => {
    const admin = newUser("signers");
    const repository = `${registry.host}/signers/app`;
    const digest = await push(admin, "one", `${repository}:v1`);
    const keys = join(admin.dockerConfig, "keys");
    mkdirSync(keys);
    await admin.tagsealOk(["trust", "key", "generate", "alice", "--dir", keys]);
    await admin.tagsealOk(["trust", "signer", "add", "--key", join(keys, "alice.pub"), "alice", repository]);
    await admin.tagsealOk(["trust", "sign", `${repository}:v1`]);
    const { stdout } = await admin.tagsealOk(["trust", "inspect", repository]);
    const [inspected] = JSON.parse(stdout) as [{ SignedTags: unknown; Signers: { Name: string }[] }];
    assert.deepEqual(inspected.SignedTags, [
      { SignedTag: "v1", Digest: digest.replace("sha256:", ""), Signers: ["alice"] },
    ]);
    assert.match(
      (await admin.notaryOk(["delegation", "list", repository])).stdout,
      /targets\/alice[\s\S]*targets\/releases/u,
    );
    await admin.tagsealOk(["trust", "signer", "remove", "--force", "alice", repository]);
    assert.doesNotMatch((await admin.notaryOk(["delegation", "list", repository])).stdout, /targets\/alice/u);
  });

  it("revokes a tag, and no reader accepts it any more", async () => {
    const user = newUser("revoke");
    const repository = `${registry.host}/revoke/app`;
    const one = await push(user, "one", `${repository}:v1`);
    await push(user, "two", `${repository}:v2`);
    await user.tagsealOk(["trust", "revoke", `${repository}:v2`]);
    assert.equal((await newUser("revoke-reader").tagseal(["verify", `${repository}:v2`])).code, 2);
    assert.deepEqual(await tagsSeenByNotary(user, repository), { v1: one });
    await user.tagsealOk(["trust", "revoke", "--yes", repository]);
    assert.deepEqual(await tagsSeenByTagseal(user, repository), {});
  });

  it("loads a key that openssl made, and signs with it", async () => {
    const user = newUser("load");
    const repository = `${registry.host}/load/app`;
    await push(user, "one", `${repository}:v1`);
    const key = join(user.dockerConfig, "dave.pem");
    await openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key);
    await openssl("ec", "-in", key, "-pubout", "-out", `${key}.pub`);
    await user.tagsealOk(["trust", "key", "load", key, "--name", "dave"]);
    await user.tagsealOk(["trust", "signer", "add", "--key", `${key}.pub`, "dave", repository]);
    await user.tagsealOk(["trust", "sign", `${repository}:v1`]);
    assert.match((await user.tagsealOk(["trust", "inspect", "--pretty", repository])).stdout, /^v1 .* dave$/mu);
  });

  it("asks for passphrases on a terminal, without showing them, and says when one is wrong", async () => {
    const user = newUser("terminal");
    const image = `${registry.host}/terminal/app:v1`;
    await push(user, "one", image);
    const env = { ...user.env, ...noPassphrases };
    const prompt = "Enter passphrase for repository key with ID [0-9a-f]{7}.*: $";
    const answers = [
      { when: prompt, send: "not the passphrase\r" },
      { when: prompt, send: `${passphrases.repository}\r` },
    ];
    const args = ["sign", `${image.replace(":v1", ":v2")}@${images.one.manifest.digest}`];
    const session = await runOnTerminal(tagsealCommand, args, answers, { env, cwd: user.dockerConfig });
    assert.equal(session.code, 0, session.screen);
    assert.match(session.screen, /[Pp]assphrase.*(wrong|incorrect)/u);
    assert.doesNotMatch(session.screen, /not the passphrase|repository passphrase\n/u);
  });

  // The store in memory cannot be put back.
  if (store !== "memory")
    it("sends back what a restored server lost, and says that its versions are still below those that were seen", async () => {
      const user = newUser("restored");
      const repository = `${registry.host}/restored/app`;
      const one = await push(user, "one", `${repository}:v1`);
      await user.notaryOk(["key", "rotate", repository, "targets"]);
      await user.tagsealOk(["sign", `${repository}:v2@${one}`]);
      const reader = newUser("restored-reader");
      await reader.tagsealOk(["verify", `${repository}:v2`]);
      await server.database?.run("notaryserver", `delete from tuf_files where gun = '${repository}' and version > 1`);
      assert.match((await reader.tagseal(["verify", `${repository}:v2`])).stderr, /METADATA_|ROOT_/u);
      const { stdout, stderr } = await reader.tagsealOk(["trust", "recover-server", repository]);
      assert.match(stdout, /: sent root 2, targets 3, snapshot 3$/mu);
      assert.match(stderr, /versions are still below those that were seen: publish until they have passed them/u);
      const another = newUser("restored-owner");
      cpSync(join(user.trustDirectory, "private"), join(another.trustDirectory, "private"), { recursive: true });
      await another.tagsealOk(["sign", `${repository}:v3@${one}`]);
      await another.tagsealOk(["sign", `${repository}:v4@${one}`]);
      for (const tag of ["v1", "v2", "v4"])
        assert.equal((await reader.tagsealOk(["verify", `${repository}:${tag}`])).stdout.trim(), one);
    });

  it("ends at once on Ctrl-C at a prompt, and signs nothing", async () => {
    const user = newUser("cancel");
    const image = `${registry.host}/cancel/app:v1`;
    await push(user, "one", image);
    const env = { ...user.env, ...noPassphrases };
    const args = ["sign", `${image.replace(":v1", ":v2")}@${images.one.manifest.digest}`];
    const answers = [{ when: "Enter passphrase.*: $", send: "\u0003" }];
    const session = await runOnTerminal(tagsealCommand, args, answers, { env, cwd: user.dockerConfig });
    assert.equal(session.code, 130, session.screen);
    assert.equal((await user.tagseal(["verify", image.replace(":v1", ":v2")])).code, 2);
  });
}

function lastStory(): void {
  it("I4: continues with what it verified, with a warning, when the server is gone; a new machine cannot", async () => {
    await using scope = new Scope("gone");
    const [server, registry] = await Promise.all([startNotary(scope), startDockerRegistry(scope)]);
    const user = client(scope, { server });
    const image = `${registry.host}/app:v1`;
    const layout = await writeLayout(scope.path("one"), "one");
    await user.tagsealOk(["push", "--from", `oci:${layout.directory}`, image]);
    await server.process.stop();
    const warm = await user.tagsealOk(["verify", image]);
    assert.match(warm.stdout, new RegExp(layout.manifest.digest, "u"));
    assert.match(warm.stderr, /[Ww]arning/u);
    const tooOld = await user.tagseal(["verify", "--max-staleness", "0", image]);
    assert.equal(tooOld.code, 3);
    assert.match(tooOld.stderr, /METADATA_STALE/u);
    const cold = await client(scope, { server, name: "newcomer" }).tagseal(["verify", image]);
    assert.equal(cold.code, 4);
    assert.match(cold.stderr, /NETWORK_UNREACHABLE/u);
  });
}

const peers = ["notary", "registry", "openssl", "python"] as const;
describe("tagseal against the reference server in memory", { skip: missingPeers(peers) }, () => stories("memory"));
describe("tagseal against the reference server on PostgreSQL", { skip: missingPeers([...peers, "postgres"]) }, () =>
  stories("postgres"),
);
describe("tagseal without its server", { skip: missingPeers(peers) }, lastStory);
