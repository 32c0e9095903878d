/** `tagseal trust …` against a sandbox: docker's words and layout, with the documented differences. */
import assert from "node:assert/strict";
import { createPublicKey } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import type { DemoImage } from "../../src/sandbox/demo-image.ts";
import { CliSandbox, json } from "./cli-sandbox.ts";

interface Inspected {
  readonly SignedTags: readonly { readonly SignedTag: string; readonly Digest: string; readonly Signers: string[] }[];
  readonly Signers: readonly { readonly Name: string; readonly Keys: readonly { readonly ID: string }[] }[];
}

describe("docker-shaped commands", () => {
  const stage = CliSandbox.forSuite("trust");
  let image: DemoImage;
  let app: string;
  let hex: string;

  const inspect = async (name: string): Promise<Inspected> => {
    const [first] = json(await stage.ok(["trust", "inspect", name])) as Inspected[];
    assert.ok(first !== undefined);
    return first;
  };

  before(async () => {
    image = await stage.image("1.0");
    app = stage.repository();
    hex = image.manifestDigest.slice("sha256:".length);
    await stage.publish(image, `${app}:v1`);
    for (const name of ["alice", "bob"]) await stage.ok(["trust", "key", "generate", name, "--dir", stage.directory]);
  });

  it("inspect --pretty has docker's layout", async () => {
    const { stdout } = await stage.ok(["trust", "inspect", "--pretty", app]);
    const [root, repository] = [/Root Key:\t(\w{64})/, /Repository Key:\t(\w{64})/].map(
      (pattern) => pattern.exec(stdout)?.[1],
    );
    assert.equal(
      stdout,
      `
Signatures for ${app}

SIGNED TAG   DIGEST                                                             SIGNERS
v1           ${hex}   (Repo Admin)

Administrative keys for ${app}

  Repository Key:\t${repository}
  Root Key:\t${root}
`,
    );
  });

  it("inspect answers for what it can, then says what it cannot, and why", async () => {
    const { code, stdout, stderr } = await stage.run(["trust", "inspect", `${app}x`, app]);
    assert.equal(code, 1);
    assert.equal((json({ code, stdout, stderr }) as unknown[]).length, 1);
    assert.match(stderr, new RegExp(`^no signatures or cannot access ${app}x\nhint: .*\\[REPOSITORY_NOT_SIGNED\\]\n$`));
    const nothing = await stage.run(["trust", "inspect", `${app}x`]);
    assert.equal(nothing.stdout, "[]\n");
  });

  it("inspect of an unknown tag in a known repository is empty, and no failure", async () => {
    assert.deepEqual((await inspect(`${app}:nosuch`)).SignedTags, []);
  });

  it("signer add permits others to sign, and continues after a failure", async () => {
    const key = join(stage.directory, "alice.pub");
    const { code, stdout, stderr } = await stage.run([
      "trust",
      "signer",
      "add",
      "--key",
      key,
      "alice",
      app,
      `${app}/Bad`,
    ]);
    assert.equal(code, 1);
    assert.equal(
      stdout,
      `Adding signer "alice" to ${app}...\nSuccessfully added signer: alice to ${app}\n\nAdding signer "alice" to ${app}/Bad...\n`,
    );
    assert.match(stderr, /^invalid reference format: repository name \(team\/app\/Bad\) must be lowercase\n/);
    assert.match(stderr, new RegExp(`\n\nfailed to add signer to: ${app}/Bad\n$`));
    assert.deepEqual(
      (await inspect(app)).Signers.map(({ Name }) => Name),
      ["alice"],
    );
  });

  it("signer add initialises a repository that has no trust data", async () => {
    const fresh = stage.repository("team/fresh");
    const key = join(stage.directory, "bob.pub");
    const { stdout } = await stage.ok(["trust", "signer", "add", "--key", key, "bob", fresh]);
    assert.equal(
      stdout,
      `Adding signer "bob" to ${fresh}...\nInitializing signed repository for ${fresh}...\nSuccessfully initialized "${fresh}"\nSuccessfully added signer: bob to ${fresh}\n\n`,
    );
  });

  it("sign adds a signature to a tag that is signed already", async () => {
    const { stdout } = await stage.ok(["trust", "sign", `${app}:v1`]);
    assert.equal(
      stdout,
      `Signing and pushing trust metadata for ${app}:v1\nExisting signatures for tag v1 digest ${hex} from:\n\nSuccessfully signed ${app}:v1\n`,
    );
    const again = await stage.ok(["trust", "sign", `${app}:v1`]);
    assert.match(again.stdout, / from:\nalice\nSuccessfully signed/);
    const [released] = (await inspect(app)).SignedTags;
    assert.deepEqual(released?.Signers, ["alice"]);
  });

  it("sign of a tag that is not signed yet says what the registry has", async () => {
    await stage.ok(["push", "-q", "--disable-content-trust", "--from", `oci:${image.directory}`, `${app}:v2`]);
    const { stdout, stderr } = await stage.ok(["trust", "sign", `${app}:v2`]);
    assert.equal(stdout, `Signing and pushing trust metadata\nSuccessfully signed ${app}:v2\n`);
    assert.equal(
      stderr,
      `Signing and pushing trust data for image ${app}:v2, may overwrite remote trust data\n${app}:v2 is ${image.manifestDigest} in the registry now\n`,
    );
  });

  it("sign makes the registry's user the first signer, and says so when there is none", async () => {
    const fresh = stage.repository("team/first");
    await stage.ok(["push", "-q", "--disable-content-trust", "--from", `oci:${image.directory}`, `${fresh}:v1`]);
    const nobody = await stage.run(["trust", "sign", `${fresh}:v1`]);
    assert.equal(nobody.code, 1);
    assert.match(nobody.stderr, /could not add signer to repo: you are not logged in/);
    const env = stage.stranger("carol");
    const auth = Buffer.from("carol:secret").toString("base64");
    const config = JSON.stringify({ auths: { [stage.sandbox.registryHost]: { auth } } });
    writeFileSync(join(env["DOCKER_CONFIG"] ?? "", "config.json"), config);
    const { stdout } = await stage.ok(["trust", "sign", `${fresh}:v1`], { env });
    assert.equal(
      stdout,
      `Signing and pushing trust metadata\nCreated signer: carol\nFinished initializing signed repository for ${fresh}:v1\nSuccessfully signed ${fresh}:v1\n`,
    );
  });

  it("sign without a key that may sign says so", async () => {
    const { code, stderr } = await stage.run(["trust", "sign", `${app}:v1`], { env: stage.stranger("nobody") });
    assert.equal(code, 1);
    assert.match(stderr, new RegExp(`^failed to sign ${app}:v1: no valid signing keys for delegation roles\n`));
  });

  it("revoke of one tag", async () => {
    const { stdout } = await stage.ok(["trust", "revoke", `${app}:v2`]);
    assert.equal(stdout, `Successfully deleted signature for ${app}:v2\n`);
    assert.equal((await stage.run(["verify", `${app}:v2`])).code, 2);
    const again = await stage.run(["trust", "revoke", `${app}:v2`]);
    assert.equal(again.code, 1);
    assert.match(again.stderr, new RegExp(`^could not remove signature for ${app}:v2: No valid trust data for v2\n`));
  });

  it("signer remove refuses what cannot be removed, in docker's words", async () => {
    const { stderr } = await stage.run(["trust", "signer", "remove", "nosuch", app]);
    assert.match(stderr, new RegExp(`^no signer nosuch for repository ${app}\n`));
    assert.match(stderr, new RegExp(`\n\nerror removing signer from: ${app}\n$`));
    const reserved = await stage.run(["trust", "signer", "remove", "releases", app]);
    assert.match(reserved.stderr, /^releases is a reserved keyword and cannot be removed\n/);
  });

  it("signer remove removes, and asks only about the last one", async () => {
    await stage.ok(["trust", "signer", "add", "--key", join(stage.directory, "bob.pub"), "bob", app]);
    await stage.ok(["sign", `${app}:v3@${image.manifestDigest}`]);
    const { stdout } = await stage.ok(["trust", "signer", "remove", "alice", app]);
    assert.equal(stdout, `Removing signer "alice" from ${app}...\nSuccessfully removed alice from ${app}\n\n`);
    assert.deepEqual(
      (await inspect(app)).Signers.map(({ Name }) => Name),
      ["bob"],
    );
    const last = await stage.run(["trust", "signer", "remove", "bob", app]);
    assert.equal(last.code, 1);
    assert.match(last.stderr, /\[CANCELLED\]/);
    await stage.ok(["trust", "signer", "remove", "--force", "bob", app]);
    assert.deepEqual((await inspect(app)).Signers, []);
  });

  it("key generate refuses before it asks for anything", async () => {
    const exists = await stage.run(["trust", "key", "generate", "alice", "--dir", stage.directory]);
    assert.equal(exists.stdout, "");
    assert.match(exists.stderr, new RegExp(`^public key file already exists: "${stage.directory}/alice.pub"\n`));
    const nowhere = await stage.run(["trust", "key", "generate", "x", "--dir", "nosuchdir"]);
    assert.match(nowhere.stderr, /^public key path does not exist: "nosuchdir"\n/);
  });

  it("key generate refuses a repository for a key that serves all", async () => {
    for (const words of [["gina"], ["--role", "root", "gina"], ["--role", "ian", "gina"]]) {
      const argv = ["trust", "key", "generate", "--gun", app, "--dir", stage.directory, ...words];
      const { code, stdout, stderr } = await stage.run(argv);
      assert.deepEqual([code, stdout], [1, ""]);
      assert.match(stderr, /^--gun is for --role targets, not for (?:gina|root|ian)\nhint: .* \[USAGE\]/u);
    }
    assert.equal(existsSync(stage.path("gina.pub")), false);
  });

  it("key generate --role makes keys for later, which new repositories and rotations use", async () => {
    const env = stage.stranger();
    const make = async (...words: readonly string[]): Promise<string> => {
      const made = await stage.ok(["trust", "key", "generate", "--json", "--dir", stage.directory, ...words], { env });
      return (json(made) as { keyId: string }).keyId;
    };
    const repository = stage.repository("team/later");
    const root = await make("--role", "root", "later-root");
    const targets = await make("--role", "targets", "--gun", repository, "later-targets");
    const { keys } = json(await stage.ok(["trust", "key", "list", "--json"], { env })) as {
      keys: readonly { keyId: string; purpose: string; gun?: string }[];
    };
    assert.deepEqual(
      new Set(keys.map(({ keyId, purpose, gun = "" }) => `${purpose} ${gun} ${keyId}`)),
      new Set([`root  ${root}`, `repository ${repository} ${targets}`]),
    );
    await stage.ok(["trust", "init", repository], { env });
    await stage.ok(["trust", "key", "rotate", "--key", targets, repository, "targets"], { env });
    for (const [keyId, role] of [
      [root, "root"],
      [targets, "targets"],
    ] as const) {
      const shown = json(await stage.ok(["trust", "key", "show", "--json", keyId], { env })) as {
        namedBy: readonly { repository: string; role: string }[];
      };
      assert.ok(
        shown.namedBy.some((naming) => naming.repository === repository && naming.role === role),
        role,
      );
    }
  });

  it("key generate makes the kind of key that you ask for, which then signs; other kinds are refused", async () => {
    const refused = await stage.run(["trust", "key", "generate", "rsa", "--algorithm", "ed25519"]);
    assert.equal(refused.code, 1);
    assert.match(
      refused.stderr,
      /^--algorithm: signers have no keys of the kind "ed25519"\nhint: Name one of ecdsa, rsa\./,
    );
    await stage.ok(["trust", "key", "generate", "rsa", "--algorithm", "rsa", "--dir", stage.directory]);
    const file = join(stage.directory, "rsa.pub");
    const { asymmetricKeyType, asymmetricKeyDetails } = createPublicKey(readFileSync(file));
    assert.deepEqual([asymmetricKeyType, asymmetricKeyDetails?.modulusLength], ["rsa", 3072]);
    const repository = stage.repository("team/rsa");
    await stage.ok(["trust", "signer", "add", "--key", file, "rsa", repository]);
    await stage.ok(["push", "-q", "--from", `oci:${image.directory}`, `${repository}:v1`]);
    await stage.ok(["trust", "sign", `${repository}:v1`]);
    assert.match((await stage.ok(["trust", "inspect", "--pretty", repository])).stdout, /^v1 +[0-9a-f]{64} +rsa$/mu);
  });

  it("key load refuses a file that others can read", async () => {
    const path = stage.path("open.pem");
    writeFileSync(path, "x", { mode: 0o644 });
    const { code, stdout, stderr } = await stage.run(["trust", "key", "load", path]);
    assert.equal(code, 1);
    assert.equal(stdout, `Loading key from "${path}"...\n`);
    assert.match(stderr, /must not be readable or writable by others\nhint: Keep others out: chmod 600/);
  });

  it("speaks JSON everywhere", async () => {
    const key = join(stage.directory, "alice.pub");
    const fresh = stage.repository("team/json");
    const added = json(await stage.ok(["trust", "signer", "add", "--json", "--key", key, "alice", fresh]));
    assert.deepEqual(added, [{ repository: fresh, signer: "alice", initialised: true }]);
    const signed = await stage.ok(["sign", "--json", `${fresh}:v1@${image.manifestDigest}`]).catch(() => undefined);
    assert.equal(signed, undefined, "the registry does not have it in this repository");
    await stage.ok(["push", "-q", "--from", `oci:${image.directory}`, `${fresh}:v1`]);
    assert.deepEqual(
      (json(await stage.ok(["trust", "sign", "--json", `${fresh}:v1`])) as { roles: string[] }).roles.toSorted(),
      ["targets/alice", "targets/releases"],
    );
    const revoked = json(await stage.ok(["trust", "revoke", "--json", "-y", fresh])) as { removed: { tag: string }[] };
    assert.deepEqual([...new Set(revoked.removed.map(({ tag }) => tag))], ["v1"]);
    const made = await stage.ok(["trust", "key", "generate", "--json", "zoe", "--dir", stage.directory]);
    assert.match((json(made) as { keyId: string }).keyId, /^[0-9a-f]{64}$/);
  });
});
