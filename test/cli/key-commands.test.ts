/** `tagseal trust key list`, `show` and `remove`: what is said about the keys of a machine, without unlocking one. */
import assert from "node:assert/strict";
import { chmodSync, copyFileSync, cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { CliSandbox, json } from "./cli-sandbox.ts";

interface ListedKey {
  readonly keyId: string;
  readonly purpose: string;
  readonly gun?: string;
  readonly location: string;
  readonly mode: string;
  readonly protection: { readonly kind: string; readonly scheme?: string; readonly rounds?: number };
  readonly namedBy: readonly { readonly repository: string; readonly role: string; readonly keyId: string }[];
}

describe("the private keys of a machine", () => {
  let stage: CliSandbox;
  let app: string;
  let api: string;
  /** no passphrase source works here: whatever unlocks a key fails */
  let locked: Record<string, string>;

  const list = async (env = locked) => json(await stage.ok(["trust", "key", "list", "--json"], { env })) as Listing;
  interface Listing {
    readonly keys: readonly ListedKey[];
    readonly warnings: readonly string[];
  }
  const keyFor = async (purpose: string, gun?: string): Promise<ListedKey> => {
    const { keys } = await list();
    return keys.find((key) => key.purpose === purpose && key.gun === gun) ?? assert.fail(`no key for ${purpose}`);
  };
  const privateDirectory = (): string => join(locked["DOCKER_CONFIG"] ?? "", "trust/private");

  before(async () => {
    stage = await CliSandbox.start("key-commands");
    const { DOCKER_CONFIG = "", ...rest } = stage.sandbox.environment;
    locked = Object.fromEntries(
      Object.entries({ ...rest, DOCKER_CONFIG }).filter(([name]) => !/PASSPHRASE/u.test(name)),
    );
    const image = await stage.image("1.0");
    [app, api] = [stage.repository("team/app"), stage.repository("team/app/api")];
    for (const repository of [app, api])
      await stage.ok(["push", "-q", "--from", `oci:${image.directory}`, `${repository}:v1`]);
    for (const name of ["alice", "bob"]) await stage.ok(["trust", "key", "generate", name, "--dir", stage.directory]);
    await stage.ok(["trust", "signer", "add", "--key", stage.path("alice.pub"), "alice", app]);
    await stage.ok(["list", app]);
    await stage.ok(["list", api]);
  });
  after(() => stage[Symbol.asyncDispose]());

  it("list says what each key is for, which repositories name it and under which ID, and how it is protected", async () => {
    const root = await keyFor("root");
    for (const repository of [app, api]) {
      const [inspected] = json(await stage.ok(["trust", "inspect", repository])) as [
        { AdministrativeKeys: readonly { readonly Name: string; readonly Keys: readonly { readonly ID: string }[] }[] },
      ];
      const idOf = (name: string) => inspected.AdministrativeKeys.find(({ Name }) => Name === name)?.Keys[0]?.ID;
      assert.deepEqual(
        root.namedBy.filter((naming) => naming.repository === repository),
        [{ repository, role: "root", keyId: idOf("Root") }],
      );
      const { keyId, namedBy } = await keyFor("repository", repository);
      assert.equal(keyId, idOf("Repository"));
      assert.deepEqual(namedBy, [{ repository, role: "targets", keyId }]);
    }
    const alice = await keyFor("signer alice");
    assert.deepEqual(
      alice.namedBy.map(({ role }) => role),
      ["targets/alice", "targets/releases"],
    );
    assert.deepEqual((await keyFor("signer bob")).namedBy, []);
    assert.deepEqual([alice.mode, alice.protection.kind], ["0600", "passphrase"]);
    assert.match(alice.protection.scheme ?? "", /^PBKDF2-HMAC-SHA1, AES-256-CBC$/u);
    assert.equal(alice.location, join(privateDirectory(), `${alice.keyId}.key`));
  });

  it("list is a table with short IDs; --no-trunc shows everything, --quiet the IDs alone", async () => {
    const root = await keyFor("root");
    const { stdout } = await stage.ok(["trust", "key", "list"], { env: locked });
    assert.match(stdout, /^KEY ID +FOR +REPOSITORY +NAMED THERE AS +PROTECTION +LOCATION$/mu);
    const certificate = root.namedBy[0]?.keyId.slice(0, 12);
    assert.match(
      stdout,
      new RegExp(`^${root.keyId.slice(0, 12)} +root +\\S+ +root ${certificate} +[\\d,]+ rounds +/`, "mu"),
    );
    assert.match(stdout, /^\w{12} +signer bob +- +- +[\d,]+ rounds/mu);
    const full = await stage.ok(["trust", "key", "list", "--no-trunc"], { env: locked });
    assert.match(
      full.stdout,
      new RegExp(`^${root.keyId} .* PBKDF2-HMAC-SHA1.*file mode 0600.*${root.keyId}\\.key$`, "mu"),
    );
    const quiet = await stage.ok(["trust", "key", "list", "-q"], { env: locked });
    assert.equal(quiet.stdout, (await list()).keys.map(({ keyId }) => `${keyId}\n`).join(""));
  });

  it("show finds a key by the beginning of any of its IDs", async () => {
    const root = await keyFor("root");
    for (const id of [root.keyId, root.keyId.slice(0, 7), root.namedBy[1]?.keyId.slice(0, 9).toUpperCase() ?? ""]) {
      const { stdout } = await stage.ok(["trust", "key", "show", id], { env: locked });
      assert.match(stdout, new RegExp(`^Key ID: +${root.keyId}\nFor: +root\nLocation: +/.*\\.key\n`, "u"));
      for (const naming of root.namedBy)
        assert.match(stdout, new RegExp(`^  ${naming.repository} +root +${naming.keyId}$`, "mu"));
    }
  });

  it("show refuses what is too short, unknown or no ID", async () => {
    const refused = async (id: string) => (await stage.run(["trust", "key", "show", id], { env: locked })).stderr;
    assert.match(
      await refused((await keyFor("root")).keyId.slice(0, 6)),
      /^"\w{6}" is not a key ID: expected .*\[USAGE\]/su,
    );
    assert.match(await refused("alice"), /\[USAGE\]/u);
    assert.match(await refused("0".repeat(64)), /^there is no private key 0+ .*\[KEY_NOT_FOUND\]/su);
  });

  it("show lists the candidates when the beginning of an ID fits several keys", async () => {
    const [root, bob] = [await keyFor("root"), await keyFor("signer bob")];
    const twin = `${root.keyId.slice(0, 7)}${(root.keyId[7] === "0" ? "1" : "0").repeat(57)}`;
    const env = { ...locked, DOCKER_CONFIG: stage.path("twins") };
    mkdirSync(join(env.DOCKER_CONFIG, "trust/private"), { recursive: true, mode: 0o700 });
    for (const [from, to] of [
      [root.location, root.keyId],
      [bob.location, twin],
    ] as const)
      copyFileSync(from, join(env.DOCKER_CONFIG, "trust/private", `${to}.key`));
    const { code, stderr } = await stage.run(["trust", "key", "show", twin.slice(0, 7)], { env });
    assert.equal(code, 1);
    assert.match(stderr, /fits 2 keys: \w{64} \(\w+\), \w{64} \(\w+\)\nhint: .*\[KEY_AMBIGUOUS\]/u);
    assert.equal((await stage.run(["trust", "key", "show", twin.slice(0, 8)], { env })).code, 0);
  });

  it("show --public prints the public key: from trust data, or else by unlocking the key", async () => {
    const [alice, bob] = [await keyFor("signer alice"), await keyFor("signer bob")];
    const shown = async (key: ListedKey, env: Record<string, string>) =>
      await stage.run(["trust", "key", "show", "--public", key.keyId], { env });
    assert.equal((await shown(alice, locked)).stdout, readFileSync(stage.path("alice.pub"), "utf8"));
    assert.match((await shown(bob, locked)).stderr, /PASSPHRASE_UNAVAILABLE/u);
    assert.equal((await shown(bob, stage.sandbox.environment)).stdout, readFileSync(stage.path("bob.pub"), "utf8"));
  });

  it("reports files that are damaged or open to others, and lists all that can be read", async () => {
    const env = { ...locked, DOCKER_CONFIG: stage.path("unsafe") };
    const directory = join(env.DOCKER_CONFIG, "trust/private");
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    for (const name of readdirSync(privateDirectory()))
      copyFileSync(join(privateDirectory(), name), join(directory, name));
    const [damaged, loose, open, broken, fine] = (await list()).keys.map(({ keyId }) =>
      join(directory, `${keyId}.key`),
    );
    assert.ok(damaged && loose && open && broken && fine);
    writeFileSync(damaged, "junk");
    chmodSync(loose, 0o644);
    chmodSync(open, 0o666);
    writeFileSync(
      broken,
      "-----BEGIN ENCRYPTED PRIVATE KEY-----\nrole: root\n\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----\n",
    );
    const metadata = join(env.DOCKER_CONFIG, "trust/tuf", app, "metadata/root.json");
    mkdirSync(dirname(metadata), { recursive: true });
    writeFileSync(metadata, "{");
    const { keys, warnings } = await list(env);
    const listed = keys.map(({ location }) => location);
    assert.ok(listed.includes(loose) && listed.includes(broken) && listed.includes(fine));
    assert.ok(!listed.includes(damaged) && !listed.includes(open));
    for (const path of [damaged, loose, open, metadata])
      assert.ok(
        warnings.some((warning) => warning.includes(path)),
        path,
      );
    const { stdout, stderr } = await stage.ok(["trust", "key", "list"], { env });
    assert.match(stdout, /^\w{12} +root .* UNREADABLE/mu);
    assert.match(stdout, /rounds, file mode 0644/u);
    assert.match(stderr, new RegExp(`^warning: .*${damaged}`, "mu"));
    const shown = await stage.run(["trust", "key", "show", damaged.slice(-68, -4)], { env });
    assert.match(shown.stderr, /PEM_MALFORMED/u);
  });

  describe("remove", () => {
    /** A copy of the machine, so that each test has all keys. */
    const copy = (name: string): Record<string, string> => {
      const env = { ...locked, DOCKER_CONFIG: stage.path(name) };
      cpSync(locked["DOCKER_CONFIG"] ?? "", env.DOCKER_CONFIG, { recursive: true });
      return env;
    };
    const person = (answer: string) => {
      const asked: string[] = [];
      const ask = async (prompt: string): Promise<string> => {
        asked.push(prompt);
        return answer;
      };
      const readAll = async (): Promise<string> => "";
      return { asked, prompter: { interactive: true, ask, askSecret: ask, readAll, tell: () => undefined } };
    };

    it("says what this machine can no longer sign, asks, and removes", async () => {
      const [env, root] = [copy("removal"), await keyFor("root")];
      const argv = ["trust", "key", "remove", root.namedBy[0]?.keyId.slice(0, 10) ?? ""];
      const no = person("n");
      const kept = await stage.run(argv, { env, prompter: no.prompter });
      assert.equal(kept.code, 1);
      assert.match(
        kept.stderr,
        /^Without this key, this machine can no longer sign:\n(?:  \S+: root\n)+Without a copy of the root key, /u,
      );
      for (const repository of [app, api]) assert.ok(kept.stderr.includes(`  ${repository}: root\n`));
      assert.match(kept.stderr, /no key was removed: not confirmed\nhint: .*\[CANCELLED\]/u);
      const id = root.keyId.slice(0, 12);
      assert.deepEqual(no.asked, [`Are you sure you want to remove the root key ${id} from this machine? [y/N] `]);
      const yes = await stage.ok(argv, { env, prompter: person("y").prompter });
      assert.match(yes.stdout, new RegExp(`^Removed root key ${id} from /.*\\.key\n$`, "u"));
      assert.ok(!(await list(env)).keys.some(({ keyId }) => keyId === root.keyId));
    });

    it("removes nothing without a terminal, unless forced", async () => {
      const [env, bob] = [copy("unattended"), await keyFor("signer bob")];
      const refused = await stage.run(["trust", "key", "remove", bob.keyId], { env });
      assert.equal(refused.code, 1);
      assert.match(refused.stderr, /^no key was removed: not confirmed\nhint: Give --force .*\[CANCELLED\]/u);
      assert.equal((await list(env)).keys.length, (await list()).keys.length);
      const { stdout, stderr } = await stage.ok(["trust", "key", "remove", "-f", "--json", bob.keyId], { env });
      assert.equal(stderr, "", "nothing names this key");
      const { removed, lost } = JSON.parse(stdout) as {
        removed: readonly { keyId: string }[];
        lost: readonly unknown[];
      };
      assert.deepEqual([removed.map(({ keyId }) => keyId), lost], [[bob.keyId], []]);
    });

    it("removes all or none of several when one is unknown, and says the roles of all", async () => {
      const [env, alice, repository] = [copy("several"), await keyFor("signer alice"), await keyFor("repository", app)];
      const both = [alice.keyId, repository.keyId];
      assert.equal((await stage.run(["trust", "key", "remove", "-f", ...both, "0".repeat(64)], { env })).code, 1);
      assert.equal((await list(env)).keys.length, (await list()).keys.length);
      const { stdout } = await stage.ok(["trust", "key", "remove", "-f", "--json", ...both], { env });
      const { lost } = JSON.parse(stdout) as { lost: readonly { gun: string; role: string }[] };
      assert.deepEqual(lost.map(({ role }) => role).toSorted(), ["targets", "targets/alice", "targets/releases"]);
    });
  });

  it("an empty machine has a heading and nothing else", async () => {
    const env = { ...locked, DOCKER_CONFIG: stage.path("empty") };
    assert.deepEqual(await list(env), { keys: [], warnings: [] });
    assert.match((await stage.ok(["trust", "key", "list"], { env })).stdout, /^KEY ID .*\n$/u);
  });
});
