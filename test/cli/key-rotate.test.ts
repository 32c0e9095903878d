/** `tagseal trust key rotate` against a sandbox, beside a reader with a warm cache. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { PrivateKey } from "../../src/crypto/private-key.ts";
import { serialisePem } from "../../src/encoding/pem.ts";
import { CliSandbox, json, type Outcome } from "./cli-sandbox.ts";

interface Rotated {
  readonly outcome: string;
  readonly holder: string;
  readonly newKeys: readonly { readonly keyId: string; readonly metadataId: string }[];
  readonly replacedKeys: readonly { readonly keyId: string }[];
  readonly oldPrivateKeys: readonly { readonly keyId: string; readonly removed: boolean; readonly reason?: string }[];
}

describe("trust key rotate", () => {
  let stage: CliSandbox;
  let app: string;
  let reader: Record<string, string>;

  const rotate = async (...argv: string[]): Promise<Outcome> => await stage.run(["trust", "key", "rotate", ...argv]);
  const rotated = async (...argv: string[]): Promise<Rotated> =>
    json(await stage.ok(["trust", "key", "rotate", "--json", ...argv])) as Rotated;
  const keyFile = (keyId: string): string =>
    join(stage.sandbox.environment["DOCKER_CONFIG"] ?? "", "trust", "private", `${keyId}.key`);
  const listed = async (image: string, env = reader): Promise<string[]> =>
    (json(await stage.ok(["list", "--json", image], { env })) as { tag: string }[]).map(({ tag }) => tag);
  const push = async (image: string): Promise<void> => {
    const { directory } = await stage.image("1.0");
    await stage.ok(["push", "-q", "--from", `oci:${directory}`, image]);
  };

  before(async () => {
    stage = await CliSandbox.start("key-rotate");
    app = stage.repository();
    await push(`${app}:v1`);
    reader = stage.stranger("reader");
    assert.deepEqual(await listed(app), ["v1"]);
  });
  after(() => stage[Symbol.asyncDispose]());

  it("replaces a key of ours and one of the server, keeps the old private keys, and says where", async () => {
    for (const role of ["root", "timestamp"] as const) {
      const { stdout } = await stage.ok(["trust", "key", "rotate", app, role]);
      assert.ok(stdout.startsWith(`Successfully rotated ${role} key for repository ${app}\n  new key      `), stdout);
      assert.equal(/held by the trust server/u.test(stdout), role === "timestamp");
      assert.equal(/\n {2}certificate {2}\w{64} /u.test(stdout), role === "root");
      assert.equal(/\nThe old private key is kept in .*: --remove-old removes it\n/u.test(stdout), role === "root");
      assert.deepEqual(await listed(app), ["v1"]);
    }
    await push(`${app}:v2`);
    assert.deepEqual(await listed(app), ["v1", "v2"]);
  });

  it("--remove-old removes what nothing needs any more", async () => {
    const { oldPrivateKeys, newKeys } = await rotated("--remove-old", app, "targets");
    const [old] = oldPrivateKeys;
    assert.equal(old?.removed, true);
    assert.ok(!existsSync(keyFile(old.keyId)) && existsSync(keyFile(newKeys[0]?.keyId ?? "")));
    await push(`${app}:v3`);
  });

  it("moves the snapshot key to this machine and back, and leaves it where it is without a flag", async () => {
    const here = await rotated("--publisher-managed", app, "snapshot");
    assert.equal(here.holder, "publisher");
    assert.ok(existsSync(keyFile(here.newKeys[0]?.keyId ?? "")));
    const { stdout } = await stage.ok(["trust", "key", "rotate", app, "snapshot"]);
    assert.match(stdout, /\nEvery publisher of this repository needs the new key now\.\n/u);
    await push(`${app}:v4`);
    assert.equal((await rotated("-r", app, "snapshot")).holder, "server");
    assert.equal((await rotated(app, "snapshot")).holder, "server");
    await push(`${app}:v5`);
    assert.deepEqual(await listed(app), ["v1", "v2", "v3", "v4", "v5"]);
  });

  it("uses a key that exists: from a file, then by its ID, which is nothing to do", async () => {
    const key = PrivateKey.generate("ecdsa");
    const path = stage.path("next.pem");
    writeFileSync(path, serialisePem({ label: "PRIVATE KEY", headers: new Map(), bytes: key.toPkcs8() }), {
      mode: 0o644,
    });
    const open = await rotate("-k", path, app, "targets");
    assert.match(
      open.stderr,
      /must not be readable or writable by others\nhint: Keep others out: chmod 600 .*KEY_FILE_UNSAFE/u,
    );
    writeFileSync(
      stage.path("private.pem"),
      serialisePem({ label: "PRIVATE KEY", headers: new Map(), bytes: key.toPkcs8() }),
      {
        mode: 0o600,
      },
    );
    const { newKeys } = await rotated("-k", stage.path("private.pem"), app, "targets");
    assert.deepEqual(
      newKeys.map(({ keyId }) => keyId),
      [key.publicKey.keyId],
    );
    const { stdout } = await stage.ok(["trust", "key", "rotate", "--key", key.publicKey.keyId, app, "targets"]);
    assert.equal(stdout.split("\n")[0], `The targets role of repository ${app} has this key already`);
    await push(`${app}:v6`);
  });

  it("makes a new certificate for the root key that is named again", async () => {
    const { newKeys } = await rotated(app, "root");
    const [{ keyId, metadataId } = assert.fail()] = newKeys;
    const again = await rotated("--key", keyId, app, "root");
    assert.deepEqual(
      again.newKeys.map((key) => key.keyId),
      [keyId],
    );
    assert.notEqual(again.newKeys[0]?.metadataId, metadataId);
    assert.deepEqual(again.oldPrivateKeys, []);
    assert.ok((await listed(app)).includes("v1"));
  });

  it("replaces a signer's key by name, made here or given as a public key file", async () => {
    const signed = stage.repository("team/signed");
    for (const name of ["alice", "alice-2"])
      await stage.ok(["trust", "key", "generate", name, "--dir", stage.directory]);
    const file = (name: string): string => join(stage.directory, `${name}.pub`);
    await stage.ok(["trust", "signer", "add", "--key", file("alice"), "alice", signed]);
    await push(`${signed}:v1`);
    assert.deepEqual(await listed(signed), ["v1"]);
    const { holder, newKeys } = await rotated("--key", file("alice-2"), signed, "alice");
    assert.equal(holder, "signer");
    assert.deepEqual(await listed(signed), ["v1"]);
    const made = await rotated(signed, "targets/alice");
    assert.deepEqual(
      made.replacedKeys.map(({ keyId }) => keyId),
      newKeys.map(({ keyId }) => keyId),
    );
    await push(`${signed}:v2`);
    assert.deepEqual(await listed(signed), ["v1", "v2"]);
  });

  it("--all-with-key replaces a key everywhere by one key, and goes on after a failure", async () => {
    const other = stage.repository("team/other");
    const env = stage.stranger("owner");
    const ownerPush = async (image: string): Promise<void> => {
      const { directory } = await stage.image("1.0");
      await stage.ok(["push", "-q", "--from", `oci:${directory}`, image], { env });
    };
    const owned = ["team/one", "team/two"].map((path) => stage.repository(path));
    for (const image of owned) await ownerPush(`${image}:v1`);
    for (const image of owned) assert.deepEqual(await listed(image), ["v1"]);
    const privateKeys = join(env["DOCKER_CONFIG"] ?? "", "trust", "private");
    const rootKeys = async (): Promise<string[]> => {
      const { stdout } = await stage.ok(["trust", "inspect", ...owned], { env });
      return [...stdout.matchAll(/"Root",\s+"Keys": \[\s+\{\s+"ID": "(\w{64})"/gu)].map(([, id = ""]) => id);
    };
    const before = await rootKeys();
    const [first = ""] = (await oldRootKeys(stage, owned[0] ?? "", env)).slice(0, 1);
    const failed = await stage.run(
      ["trust", "key", "rotate", "--all-with-key", first, "--json", "--remove-old", other],
      { env },
    );
    assert.equal(failed.code, 1);
    assert.deepEqual(
      (json(failed) as { repository: string; error?: object }[]).map(({ repository, error }) => [
        repository,
        error !== undefined,
      ]),
      [[other, true], ...owned.map((image) => [image, false])],
    );
    assert.match(failed.stderr, new RegExp(`key not rotated in: ${other}\nthe old key ${first} is kept until`, "u"));
    assert.equal((await rootKeys()).filter((id) => before.includes(id)).length, 0);
    assert.equal(readdirSync(privateKeys).length, 4);
    await ownerPush(`${other}:v1`);
    const { stdout } = await stage.ok(
      ["trust", "key", "rotate", "--all-with-key", first, "--remove-old", ...owned, other],
      { env },
    );
    assert.match(stdout, new RegExp(`${owned[0]} does not name the key`, "u"));
    assert.match(stdout, new RegExp(`\nRemoved the old private key ${first}\n$`, "u"));
    for (const image of [...owned, other]) assert.deepEqual(await listed(image), ["v1"]);
    await ownerPush(`${owned[1]}:v2`);
    assert.equal(readdirSync(privateKeys).length, 4, "one root key, and one for each repository");
  });

  it("refuses what cannot be, each with a hint", async () => {
    const id = "0".repeat(64);
    const refusals: readonly (readonly [readonly string[], RegExp])[] = [
      [[app], /expected IMAGE and ROLE, got 1 arguments\nhint: Give both: /],
      [[app, "Root"], /"Root" is not a role\nhint: Give root, targets, snapshot, timestamp, the name of a signer/],
      [["-r", app, "targets"], /the trust server cannot hold the key of targets\nhint: Leave out --server-managed/],
      [["--publisher-managed", app, "timestamp"], /the trust server always holds the timestamp key\nhint: /],
      [["-r", "--publisher-managed", app, "snapshot"], /cannot be combined\nhint: /],
      [
        ["-r", "--key", id, app, "snapshot"],
        /the trust server makes its own key for snapshot\nhint: Leave out --key\./,
      ],
      [["--key", id, app, "targets"], /there is no key 0{64} on this machine\nhint: /],
      [["--key", "absent.pem", app, "targets"], /unable to read the key file absent\.pem: .*\nhint: /],
      [["--replace", id, app, "root"], /root of .* does not have the key 0{64}, but \w{64}\nhint: /],
      [["--all-with-key", "abc"], /expected a key ID of 64 hexadecimal characters, got "abc"\nhint: /],
      [["--all-with-key", id], /no repository that this machine remembers names the key 0{64}\nhint: /],
      [["--all-with-key", id, "-r"], /--all-with-key cannot be combined with .*\nhint: /],
      [[app, "nobody"], /no signer nobody for repository .*\nhint: It has none\./],
      [[`${app}-unknown`, "targets"], /REPOSITORY_NOT_SIGNED/],
    ];
    for (const [argv, said] of refusals) {
      const { code, stderr } = await rotate(...argv);
      assert.equal(code, 1, argv.join(" "));
      assert.match(stderr, said);
    }
    const stranger = await stage.run(["trust", "key", "rotate", app, "root"], { env: stage.stranger("stranger") });
    assert.match(stranger.stderr, /no root key is on this machine\nhint: Every rotation is signed by the root key\./u);
  });
});

/** The canonical IDs of the root keys, as a rotation names what it would replace. */
async function oldRootKeys(stage: CliSandbox, image: string, env: Record<string, string>): Promise<string[]> {
  const { stderr } = await stage.run(["trust", "key", "rotate", "--replace", "0".repeat(64), image, "root"], { env });
  return (/, but ([\w, ]+)\n/u.exec(stderr)?.[1] ?? "").split(", ");
}
