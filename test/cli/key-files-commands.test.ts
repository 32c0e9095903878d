/** `tagseal trust key import`, `export` and `passphrase`: private keys as files that users carry, under passphrases that they change. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, openSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { modeOf } from "../support/file-mode.ts";
import { captured } from "../../src/cli/captured-io.ts";
import type { Io } from "../../src/cli/io.ts";
import { main } from "../../src/cli/main.ts";
import { PrivateKey } from "../../src/crypto/private-key.ts";
import { publicKeyPem } from "../../src/crypto/public-key-pem.ts";
import { parsePem, serialisePem } from "../../src/encoding/pem.ts";
import { FileKeyStore } from "../../src/keys/file-key-store.ts";
import type { KeyUse } from "../../src/keys/key-store.ts";
import { needsOpenssl, openssl } from "../support/openssl.ts";
import { tagsealCommand } from "../support/clients.ts";
import { Scope } from "../support/processes.ts";
import { scriptedPassphrases } from "../support/scripted-passphrases.ts";

const gun = "localhost:5000/team/app";
const old = "the old passphrase";
const next = "the next passphrase";

describe("key files that users carry", () => {
  const scope = new Scope("key-files-commands");
  after(async () => scope.close());
  let count = 0;

  type Env = Record<string, string>;

  /** A machine with these keys, made with few rounds, whose environment has the passphrase of all. */
  async function machine(...uses: readonly KeyUse[]): Promise<{ env: Env; keyIds: readonly string[] }> {
    count += 1;
    const env = {
      DOCKER_CONFIG: scope.path(`machine-${count}`),
      DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE: old,
      DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: old,
    };
    const directory = join(env.DOCKER_CONFIG, "trust/private");
    const store = new FileKeyStore({ directory, passphrases: scriptedPassphrases(old), iterations: 10 });
    const keyIds: string[] = [];
    for (const use of uses) keyIds.push((await store.add(PrivateKey.generate("ecdsa"), use)).keyId);
    return { env, keyIds };
  }

  async function tagseal(env: Env, argv: readonly string[], more: Partial<Io> = {}) {
    const { io, stdout, stderr } = captured({ env, now: () => new Date(), ...more });
    const code = await main(["trust", "key", ...argv], io);
    return { code, stdout: stdout(), stderr: stderr() };
  }

  async function ok(env: Env, argv: readonly string[], more: Partial<Io> = {}): Promise<string> {
    const { code, stdout, stderr } = await tagseal(env, argv, more);
    assert.equal(code, 0, `${argv.join(" ")}\n${stdout}${stderr}`);
    return stdout;
  }

  const filesOf = ({ DOCKER_CONFIG = "" }: Env): Record<string, string> => {
    const directory = join(DOCKER_CONFIG, "trust/private");
    if (!existsSync(directory)) return {};
    const names = readdirSync(directory).toSorted((a, b) => (a < b ? -1 : 1));
    return Object.fromEntries(names.map((name) => [name, readFileSync(join(directory, name), "utf8")]));
  };

  const opens = async ({ DOCKER_CONFIG = "" }: Env, keyId: string, passphrase: string): Promise<boolean> => {
    const directory = join(DOCKER_CONFIG, "trust/private");
    const store = new FileKeyStore({ directory, passphrases: scriptedPassphrases(passphrase) });
    return await store.signingKey(keyId).then(
      (key) => key !== undefined,
      () => false,
    );
  };

  const descriptor = (name: string, passphrase: string): string => {
    writeFileSync(scope.path(name), `${passphrase}\n`, { mode: 0o600 });
    return String(openSync(scope.path(name), "r"));
  };

  const three = [{ role: "root" }, { role: "targets", gun }, { role: "alice" }];

  it("an export is a private file with the keys as they are here, and importing it elsewhere asks for nothing", async () => {
    const from = await machine(...three);
    const file = scope.path("all.pem");
    const said = await ok(from.env, ["export", "--all", "--to", file]);
    assert.match(said, new RegExp(`^Exported root key ${from.keyIds[0]?.slice(0, 12)}$`, "mu"));
    assert.match(said, new RegExp(`^Exported repository key \\w{12} of ${gun}$`, "mu"));
    assert.equal(modeOf(file), 0o600);
    assert.equal(await ok(from.env, ["export", "--all"]), readFileSync(file, "utf8"));
    const to = { DOCKER_CONFIG: scope.path("elsewhere") };
    assert.match(await ok(to, ["import", file]), /^Imported key \w{12} of signer alice$/mu);
    assert.deepEqual(filesOf(to), filesOf(from.env));
    const again = await ok(to, ["import", file]);
    assert.equal(again.match(/^Skipped .*: it is here already$/gmu)?.length, 3);
    assert.deepEqual(filesOf(to), filesOf(from.env));
  });

  it("export selects by ID, by repository, or everything, and insists on one of them", async () => {
    const { env, keyIds } = await machine(...three, { role: "targets", gun: "other/app" });
    const [root = "", repository = "", alice = ""] = keyIds;
    const exported = async (...argv: readonly string[]) =>
      parsePem(await ok(env, ["export", ...argv])).map(({ headers }) => headers.get("path"));
    assert.deepEqual(await exported(alice.slice(0, 9), root), [alice, root].toSorted());
    assert.deepEqual(await exported("--gun", gun), [repository]);
    assert.equal((await exported("--all")).length, 4);
    for (const argv of [[], ["--all", root], ["--all", "--gun", gun], ["--public", "--all"], [root, "--force"]]) {
      const { code, stdout, stderr } = await tagseal(env, ["export", ...argv]);
      assert.deepEqual([code, stdout], [1, ""]);
      assert.match(stderr, /\[USAGE\]/u, argv.join(" "));
    }
    const nothing = await tagseal(env, ["export", "--gun", "no/such"]);
    assert.match(nothing.stderr, /\[KEY_NOT_FOUND\]/u);
  });

  it("export overwrites a file only with --force, and leaves no part of one behind", async () => {
    const { env } = await machine({ role: "root" });
    const file = scope.path("precious.pem");
    writeFileSync(file, "precious");
    const refused = await tagseal(env, ["export", "--all", "--to", file]);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, / exists, and is not overwritten\nhint: .*--force.*\[FILE_UNWRITABLE\]/u);
    assert.equal(readFileSync(file, "utf8"), "precious");
    await ok(env, ["export", "--all", "--to", file, "--force"]);
    assert.match(readFileSync(file, "utf8"), /ENCRYPTED/u);
    assert.equal(modeOf(file), 0o600);
    assert.match((await tagseal(env, ["export", "--all", "-o", scope.path("no/such")])).stderr, /\[FILE_UNWRITABLE\]/u);
    assert.deepEqual(
      readdirSync(scope.directory).filter((name) => name.endsWith(".tmp")),
      [],
    );
  });

  it("export --public writes the public key that belongs to the private one", { skip: needsOpenssl }, async () => {
    const { env, keyIds } = await machine({ role: "alice" });
    const file = scope.path("alice.pub");
    await ok(env, ["export", "--public", keyIds[0] ?? "", "--to", file]);
    assert.match(openssl(["pkey", "-pubin", "-in", file, "-noout", "-text"]).toString(), /prime256v1/u);
    assert.equal(await ok(env, ["show", "--public", keyIds[0] ?? ""]), readFileSync(file, "utf8"));
  });

  it(
    "import takes what openssl wrote, under the role that is given, and never a second time",
    { skip: needsOpenssl },
    async () => {
      const { env } = await machine();
      const encrypted = scope.path("encrypted.pem");
      const key = openssl(["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]);
      const pass = ["-topk8", "-v2", "aes-256-cbc", "-passout", `pass:${old}`];
      writeFileSync(encrypted, openssl(["pkcs8", ...pass], key), { mode: 0o644 });
      const alone = await tagseal(env, ["import", "--role", "targets", encrypted]);
      assert.match(alone.stderr, /belongs to one repository.*\nhint: Name the repository: --gun/u);
      assert.match(
        await ok(env, ["import", "-r", "targets", "-g", gun, encrypted]),
        /^Imported repository key \w{12} of localhost/u,
      );
      const before = filesOf(env);
      assert.match(await ok(env, ["import", "-r", "alice", encrypted]), /^Skipped repository key .* already$/mu);
      const plain = scope.path("plain.pem");
      writeFileSync(plain, key, { mode: 0o644 });
      assert.match(
        (await tagseal(env, ["import", plain])).stderr,
        /hint: Keep others out: chmod 600.*\[KEY_FILE_UNSAFE\]/u,
      );
      assert.match(await ok(env, ["import", "-"], { prompter: piped(key.toString()) }), /^Skipped repository key/u);
      assert.deepEqual(filesOf(env), before);
    },
  );

  const piped = (text: string): Io["prompter"] => ({
    interactive: false,
    ask: async () => undefined,
    askSecret: async () => undefined,
    readAll: async () => text,
    tell: () => undefined,
  });

  it("import never overwrites a key by one that only claims its ID, and reports what it cannot use", async () => {
    const { env, keyIds } = await machine({ role: "root" });
    const other = await machine({ role: "root" });
    const [foreign = assert.fail()] = parsePem(Object.values(filesOf(other.env))[0] ?? "");
    const claiming = (path: string, bytes = foreign.bytes) =>
      serialisePem({ ...foreign, bytes, headers: new Map([...foreign.headers, ["path", path]]) });
    const file = scope.path("claims.pem");
    const certificate = serialisePem({ label: "CERTIFICATE", headers: new Map(), bytes: Buffer.from("x") });
    writeFileSync(file, claiming(keyIds[0] ?? "") + certificate + claiming("0".repeat(64), Buffer.from("junk")), {
      mode: 0o600,
    });
    const before = filesOf(env);
    const { code, stdout, stderr } = await tagseal(env, ["import", "--json", file]);
    assert.equal(code, 0);
    const [report] = JSON.parse(stdout) as [{ imported: unknown[]; kept: unknown[]; skipped: { block: number }[] }];
    assert.deepEqual(
      [report.imported.length, report.kept.length, report.skipped.map(({ block }) => block)],
      [0, 1, [2, 3]],
    );
    assert.match(stderr, /^warning: skipped block 2 of .*CERTIFICATE.*\nwarning: skipped block 3 /mu);
    assert.deepEqual(filesOf(env), before);
  });

  it("import goes on with the next file, and fails when one had no key", async () => {
    const from = await machine({ role: "alice" });
    const [good, bad] = [scope.path("good.pem"), scope.path("bad.pem")];
    await ok(from.env, ["export", "--all", "--to", good]);
    writeFileSync(bad, "not a key");
    const { env } = await machine();
    const { code, stdout, stderr } = await tagseal(env, ["import", bad, scope.path("absent.pem"), good]);
    assert.equal(code, 1);
    assert.match(stdout, /^Imported key/u);
    assert.match(stderr, /^cannot import keys from .*bad\.pem: No key could be imported/u);
    assert.match(stderr, /error importing keys from: .*bad\.pem, .*absent\.pem\n$/u);
    const json = await tagseal(env, ["import", "--json", bad, good]);
    const [failed, kept] = JSON.parse(json.stdout) as [{ file: string; error: { code: string } }, { kept: unknown[] }];
    assert.deepEqual([failed.file, failed.error.code, kept.kept.length], [bad, "PEM_MALFORMED", 1]);
  });

  it("passphrase changes that of the keys named, or all, with the rounds of today, and nothing else about them", async () => {
    const { env, keyIds } = await machine(...three);
    const [root = "", repository = "", alice = ""] = keyIds;
    const one = await ok(env, ["passphrase", alice.slice(0, 8), "--new-passphrase-fd", descriptor("one", next)]);
    assert.equal(one, `Changed the passphrase of the key ${alice.slice(0, 12)} of signer alice\n`);
    assert.deepEqual([await opens(env, alice, next), await opens(env, root, old)], [true, true]);
    const rounds = await import("../../src/keys/key-file.ts").then(({ defaultIterations }) => defaultIterations);
    assert.match(await ok(env, ["show", alice]), new RegExp(`${rounds.toLocaleString("en")} rounds`, "u"));
    const fds = ["--passphrase-fd", descriptor("from", next), "--new-passphrase-fd", descriptor("to", old)];
    await ok(env, ["passphrase", alice, ...fds]);
    const all = await ok(env, ["passphrase", "--json", "--all", "--new-passphrase-command", `/bin/echo ${next}`]);
    assert.equal((JSON.parse(all) as unknown[]).length, 3);
    for (const keyId of keyIds) assert.ok(await opens(env, keyId, next));
    const [block] = parsePem(filesOf(env)[`${repository}.key`] ?? "");
    assert.deepEqual(
      [...(block?.headers ?? [])],
      [
        ["gun", gun],
        ["role", "targets"],
      ],
    );
  });

  it("passphrase asks for the new one once for each role, after all keys were unlocked", async () => {
    const { env } = await machine({ role: "targets", gun }, { role: "root" }, { role: "targets", gun: "other/app" });
    const asked: string[] = [];
    const prompter: Io["prompter"] = {
      ...piped(""),
      interactive: true,
      askSecret: async (prompt) => {
        asked.push(prompt.replace(/ \w{7}: $/u, ""));
        return next;
      },
    };
    await ok(env, ["passphrase", "--all"], { prompter });
    assert.deepEqual(asked.toSorted(), [
      "Enter passphrase for new repository key with ID",
      "Enter passphrase for new root key with ID",
      "Repeat passphrase for new repository key with ID",
      "Repeat passphrase for new root key with ID",
    ]);
  });

  it("passphrase changes nothing when one key does not open, or there is no new passphrase", async () => {
    const { env, keyIds } = await machine(...three);
    const before = filesOf(env);
    const to = ["--new-passphrase-fd", descriptor("unused", next)];
    const wrong = await tagseal({ ...env, DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE: "wrong" }, [
      "passphrase",
      "--all",
      ...to,
    ]);
    assert.match(wrong.stderr, /\[PASSPHRASE_WRONG\]/u);
    for (const argv of [
      ["--all"],
      ["--all", "--new-passphrase-fd", "9999"],
      ["--all", "--new-passphrase-command", "no-such-program"],
      ["--all", "--new-passphrase-fd", "/"],
      ["--all", "--passphrase-fd", "7", "--new-passphrase-fd", "7"],
      ["--all", keyIds[0] ?? ""],
      [],
    ]) {
      const { code, stderr } = await tagseal(env, ["passphrase", ...argv]);
      assert.equal(code, 1, argv.join(" "));
      assert.match(stderr, /\[(?:PASSPHRASE_UNAVAILABLE|USAGE)\]/u, argv.join(" "));
    }
    assert.deepEqual(filesOf(env), before);
  });

  it("I6: passphrase leaves each key with its old passphrase or the new one when it is killed", async () => {
    const to = scope.path("killed-new");
    writeFileSync(to, `${next}\n`);
    const argv = ["trust", "key", "passphrase", "--all", "--new-passphrase-command", `/bin/cat ${to}`];
    for (const lines of [0, 1, 2]) {
      const { env, keyIds } = await machine(...three);
      const child = spawn(tagsealCommand, argv, {
        env: { ...process.env, ...env },
        stdio: ["ignore", "pipe", "ignore"],
      });
      let said = "";
      child.stdout.on("data", (text: Buffer) => {
        said += text.toString();
        if (lines > 0 && said.split("\n").length > lines) child.kill("SIGKILL");
      });
      if (lines === 0) setTimeout(() => child.kill("SIGKILL"), 200 + Math.random() * 400);
      await once(child, "close");
      const changed: boolean[] = [];
      for (const keyId of keyIds) {
        changed.push(await opens(env, keyId, next));
        assert.ok(changed.at(-1) === true || (await opens(env, keyId, old)), `${keyId} after ${lines} lines`);
      }
      assert.ok(changed.filter(Boolean).length >= lines, "what was reported is done");
      assert.deepEqual((JSON.parse(await ok(env, ["list", "--json"])) as { warnings: unknown }).warnings, []);
    }
  });

  it("a key in a token is listed, stays where it is when others are exported, and only its link is removed", async () => {
    const { env, keyIds } = await machine({ role: "alice" });
    const { publicKey } = PrivateKey.generate("ecdsa");
    const links = join(env["DOCKER_CONFIG"] ?? "", "trust/tagseal/linked-keys");
    const uri = "pkcs11:token=office;object=root";
    mkdirSync(links, { recursive: true, mode: 0o700 });
    const record = JSON.stringify({ uri, role: "root", publicKey: publicKeyPem(publicKey) });
    writeFileSync(join(links, `${publicKey.keyId}.json`), record, { mode: 0o600 });
    const id = publicKey.keyId.slice(0, 12);
    assert.match(await ok(env, ["list"]), new RegExp(`^${id} +root +- +- +by token or service +${uri}$`, "mu"));
    const all = await tagseal(env, ["export", "--all"]);
    assert.deepEqual(
      parsePem(all.stdout).map(({ headers }) => headers.get("path")),
      keyIds,
    );
    assert.match(
      all.stderr,
      new RegExp(`^warning: the root key ${id} is not a file and stays where it is: ${uri}$`, "mu"),
    );
    for (const argv of [["export"], ["passphrase", "--new-passphrase-command", "/bin/echo x"]])
      assert.match((await tagseal(env, [...argv, publicKey.keyId])).stderr, /is not a file .*\[KEY_UNSUPPORTED\]/su);
    assert.equal(await ok(env, ["remove", "-f", id]), `Removed the link to root key ${id}, which stays at ${uri}\n`);
    assert.deepEqual(readdirSync(links), []);
  });

  it("passphrase encrypts a key that lay here in the clear", async () => {
    const { env } = await machine();
    const key = PrivateKey.generate("ecdsa");
    const { keyId } = key.publicKey;
    const directory = join(env["DOCKER_CONFIG"] ?? "", "trust/private");
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const clear = { label: "PRIVATE KEY", headers: new Map([["role", "alice"]]), bytes: key.toPkcs8() };
    writeFileSync(join(directory, `${keyId}.key`), serialisePem(clear), { mode: 0o600 });
    assert.match(await ok(env, ["list"]), /NOT ENCRYPTED/u);
    await ok(env, ["passphrase", keyId, "--new-passphrase-fd", descriptor("clear", next)]);
    assert.ok(await opens(env, keyId, next));
  });
});
