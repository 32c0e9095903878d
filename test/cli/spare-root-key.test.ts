/** `tagseal trust root`: a spare root key is added, listed, and alone replaces the first, beside a reader with a warm cache. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { modeOf } from "../support/file-mode.ts";
import { publicKeyPem } from "../../src/crypto/public-key-pem.ts";
import { PrivateKey } from "../../src/crypto/private-key.ts";
import { serialisePem } from "../../src/encoding/pem.ts";
import { documentedLines } from "../support/documented-lines.ts";
import { CliSandbox, json } from "./cli-sandbox.ts";

interface Listed {
  readonly version: number;
  readonly threshold: number;
  readonly keys: readonly { readonly keyId: string; readonly metadataId: string; readonly here: boolean }[];
}

describe("trust root", () => {
  const stage = CliSandbox.forSuite("spare-root-key");
  let app: string;
  let other: string;
  let reader: Record<string, string>;
  let rootKey: string;

  const privateKeys = (): string[] =>
    readdirSync(join(stage.sandbox.environment["DOCKER_CONFIG"] ?? "", "trust", "private"));
  const listed = async (image: string): Promise<Listed> =>
    json(await stage.ok(["trust", "root", "list", "--json", image])) as Listed;
  const tags = async (image: string): Promise<string[]> =>
    (json(await stage.ok(["list", "--json", image], { env: reader })) as { tag: string }[]).map(({ tag }) => tag);
  const withPassphrase = (): { env: Record<string, string> } => ({
    env: { ...stage.sandbox.environment, TAGSEAL_SPARE_PASSPHRASE: "spare passphrase" },
  });

  before(async () => {
    app = stage.repository();
    other = stage.repository("team/other");
    await stage.publish(await stage.image("1.0"), `${app}:v1`, `${other}:v1`);
    reader = stage.stranger("reader");
    for (const image of [app, other]) assert.deepEqual(await tags(image), ["v1"]);
    rootKey = (await listed(app)).keys[0]?.keyId ?? "";
  });

  it("lists the one root key of a repository", async () => {
    const { stdout } = await stage.ok(["trust", "root", "list", app]);
    assert.match(stdout, /^ROOT KEY +CERTIFICATE +EXPIRES +HERE\n/u);
    assert.match(stdout, new RegExp(`\n${rootKey} +\\w{64} +20\\d\\d-\\d\\d-\\d\\d +/.*${rootKey}\\.key\n$`, "u"));
  });

  it("makes a spare in a file that is nowhere else, and readers follow", async () => {
    const keysBefore = privateKeys();
    const path = stage.path("spare.pem");
    const { stdout } = await stage.ok(["trust", "root", "add-spare", "--out", path, app], withPassphrase());
    assert.match(
      stdout,
      new RegExp(`^Successfully added a spare root key to repository ${app}\n  spare key    \\w{64}\n`, "u"),
    );
    assert.ok(stdout.includes(`The spare root key is in ${path}, encrypted, and nowhere else. Copy it to`), stdout);
    assert.ok(stdout.includes(`tagseal trust recover --rehearse --lost root --spare ${path} ${app}\n`), stdout);
    const [, keyId = ""] = / {2}spare key {4}(\w{64})/u.exec(stdout) ?? [];
    const text = readFileSync(path, "utf8");
    assert.match(text, new RegExp(`^-----BEGIN ENCRYPTED PRIVATE KEY-----\npath: ${keyId}\nrole: root\n`, "u"));
    assert.equal(modeOf(path), 0o600);
    assert.deepEqual(privateKeys(), keysBefore);
    const { version, threshold, keys } = await listed(app);
    assert.deepEqual({ version, threshold }, { version: 2, threshold: 1 });
    assert.deepEqual(
      keys.map((key) => [key.keyId, key.here]),
      [
        [rootKey, true],
        [keyId, false],
      ],
    );
    assert.deepEqual(await tags(app), ["v1"]);
  });

  it("is made as the page about keys says", async () => {
    const image = stage.repository("team/page");
    await stage.publish(await stage.image("1.0"), `${image}:v1`);
    const line = documentedLines("docs/keys.md", "Make a spare root key").trim();
    const words = line.replace("registry.example.com/team/app", image).replace("spare.pem", stage.path("page.pem"));
    await stage.ok(words.split(" ").slice(1), withPassphrase());
    assert.equal((await listed(image)).keys.length, 2);
  });

  it("adds the same spare to all repositories of a root key, once", async () => {
    const argv = ["trust", "root", "add-spare", "--key", stage.path("spare.pem"), "--all-with-key", rootKey];
    const { stdout } = await stage.ok([...argv, "--json"], withPassphrase());
    const results = JSON.parse(stdout) as { repository: string; outcome: string; enoughAlone: boolean }[];
    const outcomes = new Map(
      results.map(({ repository, outcome, enoughAlone }) => [repository, [outcome, enoughAlone]]),
    );
    assert.deepEqual(outcomes.get(app), ["unchanged", true]);
    assert.deepEqual(outcomes.get(other), ["added", true]);
    assert.equal(outcomes.size, 3);
    assert.match((await stage.ok(argv, withPassphrase())).stdout, / has the root key \w{64} already\n/u);
    assert.deepEqual(await tags(other), ["v1"]);
  });

  it("the spare alone replaces the lost root key, also when only its public key was ever here", async () => {
    const image = stage.repository("team/public");
    await stage.publish(await stage.image("1.0"), `${image}:v1`);
    assert.deepEqual(await tags(image), ["v1"]);
    const spare = PrivateKey.generate("ecdsa");
    const [path, secret] = [stage.path("offline.pub"), stage.path("offline.pem")];
    writeFileSync(path, publicKeyPem(spare.publicKey));
    await stage.ok(["trust", "root", "add-spare", "--key", path, image]);
    assert.deepEqual(await tags(image), ["v1"]);
    const env = stage.stranger("finder");
    writeFileSync(secret, serialisePem({ label: "PRIVATE KEY", headers: new Map(), bytes: spare.toPkcs8() }), {
      mode: 0o600,
    });
    await stage.ok(["trust", "key", "load", "--name", "root", secret], { env });
    await stage.ok(["trust", "key", "rotate", "--replace", rootKey, image, "root"], { env });
    const keys = (await listed(image)).keys.map(({ keyId }) => keyId);
    assert.ok(keys.includes(spare.publicKey.keyId) && !keys.includes(rootKey) && keys.length === 2);
    assert.deepEqual(await tags(image), ["v1"]);
  });

  it("refuses before anything is made: no source, a taken file, no root key here, a key that no root can have", async () => {
    const none = await stage.run(["trust", "root", "add-spare", app]);
    assert.match(none.stderr, /^give one of --out, --key and --store\nhint: .*--out spare\.pem IMAGE \[USAGE\]\n$/u);
    assert.equal(none.code, 1);
    const taken = await stage.run(
      ["trust", "root", "add-spare", "--out", stage.path("spare.pem"), app],
      withPassphrase(),
    );
    assert.match(taken.stderr, /exists, and is not overwritten/u);
    const away = { ...reader, TAGSEAL_SPARE_PASSPHRASE: "spare passphrase" };
    const path = stage.path("late.pem");
    const foreign = await stage.run(["trust", "root", "add-spare", "--out", path, app], { env: away });
    assert.match(foreign.stderr, /^cannot add a root key to .*: its root key is not on this machine\n/u);
    assert.match(foreign.stderr, new RegExp(`Its ID: ${rootKey}`, "u"));
    assert.ok(foreign.stdout.includes(`Repeat with the same key: tagseal trust root add-spare --key ${path} ${app}\n`));
    assert.ok(existsSync(path));
    const edwards = stage.path("edwards.pem");
    const key = PrivateKey.generate("ed25519");
    writeFileSync(edwards, serialisePem({ label: "PRIVATE KEY", headers: new Map(), bytes: key.toPkcs8() }), {
      mode: 0o600,
    });
    const refused = await stage.run(["trust", "root", "add-spare", "--key", edwards, app]);
    assert.match(refused.stderr, /^A root key must be ECDSA or RSA, not ed25519\n/u);
    assert.equal((await listed(app)).version, 2);
  });

  it("a new spare is never encrypted under the passphrase of the root key in use", async () => {
    const path = stage.path("silent.pem");
    const { code, stderr } = await stage.run(["trust", "root", "add-spare", "--out", path, app]);
    assert.notEqual(code, 0);
    assert.match(stderr, /PASSPHRASE_UNAVAILABLE/u);
    assert.ok(!existsSync(path));
  });
});
