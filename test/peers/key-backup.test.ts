/** Key backups and the real `age`: each opens what the other wrote, and notary uses what is inside. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { PrivateKey } from "../../src/crypto/private-key.ts";
import { FileKeyStore } from "../../src/keys/file-key-store.ts";
import { exportKeys } from "../../src/keys/key-transfer.ts";
import { fromEnvironment } from "../../src/keys/passphrase-sources.ts";
import {
  type Client,
  Scope,
  client,
  missingPeers,
  run,
  runOk,
  runOnTerminal,
  tagsealCommand,
} from "../support/peers.ts";

const gun = "localhost:5000/team/app";
const manyKeys = 100;

describe("key backups and age", { skip: missingPeers(["age", "notary", "python"]) }, () => {
  const scope = new Scope("key-backup-age");
  after(() => scope.close());
  const at = (name: string): string => scope.path(name);
  const keysOf = (user: Client): string[] => readdirSync(join(user.trustDirectory, "private")).toSorted();
  let owner: Client;
  let identity: string;
  let recipient: string;

  before(async () => {
    owner = client(scope, { name: "owner" });
    const store = new FileKeyStore({
      directory: join(owner.trustDirectory, "private"),
      passphrases: fromEnvironment(owner.env),
    });
    await store.add(PrivateKey.generate("ecdsa"), { role: "root" });
    await store.add(PrivateKey.generate("ecdsa"), { role: "targets", gun });
    await store.add(PrivateKey.generate("rsa"), { role: "targets/alice" });
    identity = at("identity.txt");
    await runOk("age-keygen", ["-o", identity]);
    recipient = (await runOk("age-keygen", ["-y", identity])).stdout.trim();
    writeFileSync(at("exported.pem"), await exportKeys(store));
  });

  /** notary imports an opened backup, lists every key and unlocks each. */
  async function notaryUses(opened: string, name: string): Promise<void> {
    const user = client(scope, { name });
    await user.notaryOk(["key", "import", opened]);
    assert.deepEqual(keysOf(user), keysOf(owner));
    const { stdout } = await user.notaryOk(["key", "list"]);
    for (const file of keysOf(owner)) {
      const keyId = file.slice(0, 64);
      assert.ok(stdout.includes(keyId));
      assert.match((await user.notaryOk(["key", "passwd", keyId])).stdout, /Successfully updated passphrase/u);
    }
  }

  it("age opens a backup for a recipient, armored or not, and notary uses the keys", async () => {
    for (const flags of [["--armor"], []]) {
      await owner.tagsealOk(["trust", "key", "backup", "--force", "--to", at("r.age"), "-r", recipient, ...flags]);
      await runOk("age", ["--decrypt", "--identity", identity, "--output", at("r.pem"), at("r.age")]);
    }
    await notaryUses(at("r.pem"), "from-recipient");
  });

  it("age opens a backup for a passphrase that was typed", async () => {
    const words = [
      { when: "Enter passphrase for new key backup: $", send: "correct horse\r" },
      { when: "Repeat passphrase for new key backup: $", send: "correct horse\r" },
    ];
    const made = await runOnTerminal(tagsealCommand, ["trust", "key", "backup", "--to", at("p.age")], words, {
      env: owner.env,
    });
    assert.equal(made.code, 0, made.screen);
    assert.doesNotMatch(made.screen, /correct horse/u);
    const opened = await runOnTerminal(
      "age",
      ["--decrypt", "--output", at("p.pem"), at("p.age")],
      [{ when: "Enter passphrase: ?$", send: "correct horse\r" }],
    );
    assert.equal(opened.code, 0, opened.screen);
    assert.match(
      readFileSync(at("p.pem"), "utf8"),
      /^Tagseal key backup, version 1\n[\s\S]*-----BEGIN ENCRYPTED PRIVATE KEY/u,
    );
  });

  it("age opens a backup in shares with the identity that three of the five give, and two give none", async () => {
    const making = ["backup", "--to", at("s.age"), "--with-passphrase", "--shares", "3/5", "--shares-to", at("pages")];
    await owner.tagsealOk(["trust", "key", ...making]);
    const share = (number: number) => ["--share", at(join("pages", `share-${number}-of-5.txt`))];
    const joining = (...numbers: readonly number[]) => [
      "trust",
      "key",
      "restore",
      at("s.age"),
      "--identity-to",
      at("joined.txt"),
      ...numbers.flatMap(share),
    ];
    const two = await owner.tagseal(joining(2, 4));
    assert.match(two.stderr, /\[SHARES_TOO_FEW\]/u);
    await owner.tagsealOk(joining(2, 4, 1));
    const { stdout } = await runOk("age", ["--decrypt", "--identity", at("joined.txt"), at("s.age")]);
    const passphrase = /^Passphrase of these keys: (\S+)$/mu.exec(stdout)?.[1] ?? assert.fail(stdout);
    writeFileSync(at("s.pem"), stdout);
    const user = client(scope, { name: "from-shares" });
    await user.notaryOk(["key", "import", at("s.pem")]);
    const inside = {
      NOTARY_ROOT_PASSPHRASE: passphrase,
      NOTARY_TARGETS_PASSPHRASE: passphrase,
      NOTARY_DELEGATION_PASSPHRASE: passphrase,
    };
    for (const file of keysOf(user)) await user.notaryOk(["key", "passwd", file.slice(0, 64)], { env: inside });
  });

  it(
    "I6: the key of a backup in shares and the passphrase inside go to no program, no file and no screen",
    { skip: missingPeers(["strace"]) },
    async () => {
      const argv = [
        "trust",
        "key",
        "backup",
        "--to",
        at("t.age"),
        "--with-passphrase",
        "--shares",
        "2/3",
        "--shares-to",
        at("traced"),
      ];
      const calls = "trace=execve,write,writev,pwrite64,sendto,sendmsg";
      await runOk("strace", ["-f", "-qq", "-s", "1000000", "-e", calls, "-o", at("trace"), tagsealCommand, ...argv], {
        env: owner.env,
      });
      const given = [1, 3].flatMap((number) => ["--share", at(join("traced", `share-${number}-of-3.txt`))]);
      await owner.tagsealOk(["trust", "key", "restore", at("t.age"), "--identity-to", at("traced.txt"), ...given]);
      const { stdout } = await runOk("age", ["--decrypt", "--identity", at("traced.txt"), at("t.age")]);
      const passphrase = /^Passphrase of these keys: (\S+)$/mu.exec(stdout)?.[1] ?? assert.fail(stdout);
      const [secret = ""] = /AGE-SECRET-KEY-1[0-9A-Z]+/u.exec(readFileSync(at("traced.txt"), "utf8")) ?? [];
      const trace = readFileSync(at("trace"), "utf8");
      assert.ok(
        trace.includes("TAGSEALSHARE1") && trace.includes("age-encryption.org"),
        "the trace shows what is written",
      );
      assert.ok(secret.length > 70);
      for (const hidden of [secret, passphrase]) assert.ok(!trace.includes(hidden));
      assert.equal(trace.split("\n").filter((line) => line.includes("TAGSEALSHARE1")).length, 3);
      assert.doesNotMatch(trace, /execve\([^\n]*TAGSEALSHARE/u);
    },
  );

  it("what age encrypted of exported keys is restored: for a recipient, and for a passphrase", async () => {
    await runOk("age", ["--encrypt", "-r", recipient, "-o", at("by-age.age"), at("exported.pem")]);
    const user = client(scope, { name: "to-recipient" });
    await user.tagsealOk(["trust", "key", "restore", "--identity", identity, at("by-age.age")]);
    assert.deepEqual(keysOf(user), keysOf(owner));
    const answers = ["Enter passphrase.*: ?$", "Confirm passphrase: ?$"].map((when) => ({
      when,
      send: "battery staple\r",
    }));
    const argv = ["--passphrase", "--armor", "--output", at("by-age-p.age"), at("exported.pem")];
    const made = await runOnTerminal("age", argv, answers);
    assert.equal(made.code, 0, made.screen);
    const other = client(scope, { name: "to-passphrase" });
    await other.tagsealOk(["trust", "key", "restore", at("by-age-p.age")], {
      env: { TAGSEAL_BACKUP_PASSPHRASE: "battery staple" },
    });
    assert.deepEqual(keysOf(other), keysOf(owner));
  });

  it("age opens an encrypted identity on the way to a restoration, and a backup on the way to standard input", async () => {
    await owner.tagsealOk(["trust", "key", "backup", "--force", "--to", at("r.age"), "-r", recipient]);
    const user = client(scope, { name: "piped" });
    const script = `"$1" trust key restore --identity <(cat "$2") "$3" && age --decrypt --identity "$2" "$3" | "$1" trust key restore -`;
    const done = await run("bash", ["-o", "pipefail", "-c", script, "-", tagsealCommand, identity, at("r.age")], {
      env: user.env,
    });
    assert.equal(done.code, 0, done.stderr);
    assert.match(done.stdout, /Added 3 keys\.\n[\s\S]*Added 0 keys\.\n/u);
  });

  it("a restoration that is killed at any moment has added whole keys, and is completed by the same command", async () => {
    const many = client(scope, { name: "many" });
    const store = new FileKeyStore({
      directory: join(many.trustDirectory, "private"),
      passphrases: fromEnvironment(many.env),
      iterations: 1,
    });
    for (let index = 0; index < manyKeys; index += 1)
      await store.add(PrivateKey.generate("ecdsa"), { role: `signer${index}` });
    await many.tagsealOk(["trust", "key", "backup", "--to", at("many.age"), "-r", recipient]);
    const user = client(scope, { name: "killed" });
    const argv = ["trust", "key", "restore", "--identity", identity, at("many.age")];
    const found: number[] = [];
    const privateDirectory = join(user.trustDirectory, "private");
    mkdirSync(privateDirectory, { recursive: true });
    chmodSync(privateDirectory, 0o700);
    for (let round = 1; round <= 3; round += 1) {
      const restoring = spawn(tagsealCommand, argv, { env: { ...process.env, ...user.env }, stdio: "ignore" });
      const ended = once(restoring, "close");
      const whole = () => readdirSync(privateDirectory).filter((name) => name.endsWith(".key"));
      const wanted = (found.at(-1) ?? 0) + 12;
      for (const end = Date.now() + 10_000; whole().length < wanted && Date.now() < end;) await pause(1);
      restoring.kill("SIGKILL");
      await ended;
      found.push(whole().length);
      for (const name of whole())
        assert.equal(
          readFileSync(join(privateDirectory, name), "utf8"),
          readFileSync(join(many.trustDirectory, "private", name), "utf8"),
        );
    }
    assert.ok(
      found.some((count) => count > 0 && count < manyKeys),
      found.join(),
    );
    await user.tagsealOk(argv);
    assert.deepEqual(
      keysOf(user).filter((name) => name.endsWith(".key")),
      keysOf(many),
    );
  });
});
