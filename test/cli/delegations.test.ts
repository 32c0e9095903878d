/** Delegations and signers of a repository: what is declared, and whether it counts. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { before, describe, it } from "node:test";
import { PrivateKey } from "../../src/crypto/private-key.ts";
import { PublicKey } from "../../src/crypto/public-key.ts";
import { createRootCertificate } from "../../src/crypto/root-certificate.ts";
import { serialisePem } from "../../src/encoding/pem.ts";
import { CliSandbox, json } from "./cli-sandbox.ts";

interface Key {
  readonly keyId: string;
  readonly certificateId?: string;
  readonly here?: boolean;
}
interface Role {
  readonly role: string;
  readonly paths: readonly string[];
  readonly keys: readonly Key[];
  readonly threshold: number;
  readonly file: string;
  readonly expires?: string;
  readonly usable: boolean;
}
interface Signer {
  readonly name: string;
  readonly usable: boolean;
  readonly problems: readonly string[];
  readonly keys: readonly Key[];
}

describe("delegations", () => {
  const stage = CliSandbox.forSuite("delegations");
  let layout: string;
  before(async () => {
    layout = (await stage.image("1.0")).directory;
    await stage.ok(["trust", "key", "generate", "alice", "--dir", stage.directory]);
  });

  const list = async (name: string): Promise<Role[]> =>
    json(await stage.ok(["trust", "delegation", "list", "--json", name])) as Role[];
  const signers = async (name: string): Promise<Signer[]> =>
    json(await stage.ok(["trust", "signer", "list", "--json", name])) as Signer[];

  /** A public key file of somebody else, whose private key is not here. */
  const keyFile = (name: string): { readonly path: string; readonly keyId: string } => {
    const { publicKey } = PrivateKey.generate("ecdsa");
    const path = stage.path(`${name}.pub`);
    writeFileSync(path, serialisePem({ label: "PUBLIC KEY", headers: new Map(), bytes: publicKey.bytes }));
    return { path, keyId: publicKey.keyId };
  };

  /** The same as a certificate, which has two IDs. */
  const certificateFile = async (name: string): Promise<{ readonly path: string; readonly key: Key }> => {
    const key = PrivateKey.generate("ecdsa");
    const pem = await createRootCertificate(key, name, new Date());
    const path = stage.path(`${name}.crt`);
    writeFileSync(path, pem);
    return { path, key: { keyId: key.publicKey.keyId, certificateId: PublicKey.fromCertificatePem(pem).keyId } };
  };

  it("signer list shows keys in both forms, which are here, and whether what they sign counts", async () => {
    const app = stage.repository("team/signers");
    const carol = await certificateFile("carol");
    await stage.ok(["trust", "signer", "add", "--key", stage.path("alice.pub"), "alice", app]);
    await stage.ok(["trust", "signer", "add", "--key", carol.path, "carol", app]);
    const [alice, second] = await signers(app);
    assert.deepEqual([alice?.name, alice?.usable, alice?.keys[0]?.here], ["alice", true, true]);
    assert.deepEqual(second, {
      name: "carol",
      usable: true,
      threshold: 1,
      problems: [],
      keys: [{ ...carol.key, here: false }],
    });
    const { stdout } = await stage.ok(["trust", "signer", "list", app]);
    assert.equal(
      stdout,
      `SIGNER    STATE     HERE      KEY IDS
alice     usable    yes       ${alice?.keys[0]?.keyId}
carol     usable    no        ${carol.key.keyId}
                              certificate ${carol.key.certificateId}
`,
    );
  });

  it("a signer's file is listed with its expiry once the signer has signed", async () => {
    const app = stage.repository("team/signers-expired");
    await stage.ok(["trust", "signer", "add", "--key", stage.path("alice.pub"), "alice", app]);
    await stage.ok(["push", "-q", "--from", `oci:${layout}`, `${app}:1`]);
    const [alice] = await signers(app);
    assert.equal(alice?.usable, true);
    const [role] = await list(app);
    assert.equal(role?.file, "signed");
    assert.ok(new Date(role?.expires ?? "") > new Date());
  });

  it("list shows roles, paths, keys, thresholds and files as notary does, and nothing for a repository without", async () => {
    const app = stage.repository("team/listed");
    const bob = keyFile("bob");
    await stage.ok(["trust", "signer", "add", "--key", bob.path, "bob", app]);
    assert.deepEqual(
      await list(app),
      ["targets/bob", "targets/releases"].map((role) => ({
        role,
        paths: [""],
        keys: [{ keyId: bob.keyId }],
        threshold: 1,
        file: "none",
        usable: true,
      })),
    );
    const { stdout } = await stage.ok(["trust", "delegation", "list", app]);
    assert.equal(
      stdout,
      `ROLE               THRESHOLD   FILE            EXPIRES   PATHS            KEY IDS
targets/bob        1           not published             "" <all paths>   ${bob.keyId}
targets/releases   1           not published             "" <all paths>   ${bob.keyId}
`,
    );
    const plain = stage.repository("team/plain");
    await stage.ok(["push", "-q", "--from", `oci:${layout}`, `${plain}:1`]);
    const none = await stage.ok(["trust", "delegation", "list", plain]);
    assert.deepEqual([none.stdout, none.stderr], ["", "No delegations present in this repository.\n"]);
    assert.deepEqual(await list(plain), []);
    assert.match((await stage.ok(["trust", "signer", "list", plain])).stderr, /^No signers in /u);
  });

  it("lists of a repository without trust data fail", async () => {
    for (const what of ["delegation", "signer"]) {
      const { code, stderr } = await stage.run(["trust", what, "list", stage.repository("team/nothing")]);
      assert.equal(code, 1);
      assert.match(stderr, /\[REPOSITORY_NOT_SIGNED\]/u);
    }
  });

  it("add declares roles with paths and a threshold, remove takes parts away and says what that means", async () => {
    const app = stage.repository("team/edited");
    await stage.ok(["push", "-q", "--from", `oci:${layout}`, `${app}:1`]);
    const [one, two] = [keyFile("one"), await certificateFile("two")];
    const add = ["trust", "delegation", "add", app];
    const added = await stage.ok([
      ...add,
      "targets/dev",
      one.path,
      two.path,
      "--paths",
      "nightly-,beta-",
      "--threshold",
      "2",
    ]);
    assert.match(added.stdout, /^targets\/dev +2 +not published +nightly- +[0-9a-f]{64}$/mu);
    assert.match(added.stderr, /clients take none of them before there is targets\/releases/u);
    await stage.ok([...add, "targets/dev", "--all-paths"]);
    const [dev] = await list(app);
    assert.deepEqual(
      [dev?.paths, dev?.threshold, dev?.keys],
      [["nightly-", "beta-", ""], 2, [{ keyId: one.keyId }, two.key]],
    );

    const remove = ["trust", "delegation", "remove", app, "targets/dev"];
    const unasked = await stage.run([...remove, two.key.certificateId ?? ""]);
    assert.equal(unasked.code, 1);
    assert.match(unasked.stderr, /^note: targets\/dev will have 1 of the 2 keys that must sign/u);
    assert.match(unasked.stderr, /was not confirmed[\s\S]*\[CANCELLED\]/u);
    assert.equal((await list(app))[0]?.keys.length, 2);
    const forced = await stage.ok([...remove, "--force", two.key.keyId, "--paths", "beta-,"]);
    assert.match(forced.stderr, /targets\/dev has fewer keys than its threshold of 2/u);
    assert.match(forced.stdout, /2 \(too few keys\)/u);
    const [left] = await list(app);
    assert.deepEqual([left?.paths, left?.keys, left?.usable], [["nightly-"], [{ keyId: one.keyId }], false]);
    const [signer] = await signers(app);
    assert.deepEqual(signer?.problems, [
      "has 1 of the 2 keys that it needs",
      "none of its keys is in targets/releases",
    ]);

    const gone = await stage.ok([...remove, "-y"]);
    assert.equal(gone.stdout, `Successfully removed targets/dev from ${app}\n`);
    assert.match(gone.stderr, /no delegation is left: the repository key signs tags again/u);
    assert.deepEqual(await list(app), []);
  });

  it("add and remove refuse what makes no sense, and say what does", async () => {
    const app = stage.repository("team/refused");
    await stage.ok(["push", "-q", "--from", `oci:${layout}`, `${app}:1`]);
    const key = keyFile("refused");
    for (const [argv, code, message] of [
      [["add", app, "targets/x"], "USAGE", /there is nothing to add to targets\/x/u],
      [["add", app, "targets/x", "--all-paths"], "USAGE", /a new one needs a key/u],
      [["add", app, "targets/x", key.path, "--threshold", "2"], "USAGE", /would have 1 of the 2 keys/u],
      [["add", app, "targets/x", key.path, "--threshold", "0"], "USAGE", /"0" is not a number of keys/u],
      [["add", app, "dev", key.path, "--all-paths"], "USAGE", /"dev" cannot be a delegation/u],
      [["add", app, "targets/x/y", key.path], "METADATA_ROLE_UNKNOWN", /belongs below targets\/x/u],
      [["remove", "-y", app, "targets/x"], "METADATA_ROLE_UNKNOWN", /has no delegation targets\/x/u],
      [["purge", "-y", app], "USAGE", /no key to remove was given/u],
      [["purge", "-y", app, "--key", key.keyId], "KEY_NOT_FOUND", /no delegation of \S+ has the key/u],
    ] as const) {
      const { code: status, stderr } = await stage.run(["trust", "delegation", ...argv]);
      assert.notEqual(status, 0, stderr);
      assert.match(stderr, message);
      assert.ok(code === "USAGE" || stderr.includes(`[${code}]`), stderr);
    }
    await stage.ok(["trust", "delegation", "add", app, "targets/x", key.path, "--paths", "a"]);
    for (const what of [["0".repeat(64)], ["--paths", "b"]]) {
      const { code, stderr } = await stage.run(["trust", "delegation", "remove", "-y", app, "targets/x", ...what]);
      assert.equal(code, 1);
      assert.match(stderr, /targets\/x does not have the (key|path)/u);
    }
    assert.equal((await list(app)).length, 1);
  });

  it("purge takes a key out of every role, nested ones as well, and warns where a role has too few left", async () => {
    const app = stage.repository("team/purged");
    const bad = keyFile("bad");
    await stage.ok(["trust", "signer", "add", "--key", stage.path("alice.pub"), "--key", bad.path, "alice", app]);
    await stage.ok(["trust", "delegation", "add", app, "targets/alice/nightly", bad.path, "--paths", "n"]);
    const purge = ["trust", "delegation", "purge", app, "--key", bad.keyId];
    assert.match((await stage.run(purge)).stderr, /\[CANCELLED\]/u);
    const { stdout, stderr } = await stage.ok([...purge, "--force"]);
    assert.match(stderr, /^note: the keys are in targets\/alice, targets\/releases, targets\/alice\/nightly$/mu);
    assert.match(stderr, /^note: targets\/alice\/nightly will have 0 of the 1 keys/mu);
    assert.equal(
      stdout,
      `Removed from targets/alice, targets/releases, targets/alice/nightly of ${app}:\n- ${bad.keyId}\n`,
    );
    const roles = await list(app);
    assert.ok(roles.every(({ keys }) => keys.every(({ keyId }) => keyId !== bad.keyId)));
    assert.deepEqual(
      roles.map(({ role, usable }) => [role, usable]),
      [
        ["targets/alice", true],
        ["targets/releases", true],
        ["targets/alice/nightly", false],
      ],
    );
  });

  it("after the last signer was removed, the command that the warning names lets the repository key sign again", async () => {
    const app = stage.repository("team/last");
    await stage.ok(["trust", "signer", "add", "--key", stage.path("alice.pub"), "alice", app]);
    await stage.ok(["push", "-q", "--from", `oci:${layout}`, `${app}:1`]);
    const { stderr } = await stage.ok(["trust", "signer", "remove", "--force", "alice", app]);
    const [, words = ""] = /go back to the repository key \(tagseal ([^)]+)\)/u.exec(stderr) ?? [];
    assert.notEqual(words, "", stderr);
    assert.equal((await stage.run(["push", "-q", "--from", `oci:${layout}`, `${app}:2`])).code, 1);
    await stage.ok([...words.split(" "), "--force"]);
    await stage.ok(["push", "-q", "--from", `oci:${layout}`, `${app}:2`]);
    assert.match((await stage.ok(["list", app])).stdout, /^2 +\S+ +\(Repo Admin\)$/mu);
  });
});
