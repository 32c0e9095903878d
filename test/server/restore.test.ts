/** `tagseal trust recover-server` and `tagseal server raise`: what they refuse, print and bound. The stories are in test/peers/restored-backup.test.ts. */
import assert from "node:assert/strict";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { TagsealError } from "../../src/errors.ts";
import { type RunningSigner, startSigner } from "../../src/server/signer/start-signer.ts";
import { versionsSince } from "../../src/server/restore/version-margin.ts";
import { rotateKey } from "../../src/trust/rotation/rotate.ts";
import { signTags } from "../../src/trust/publishing/sign.ts";
import { verifyTag } from "../../src/trust/reading/verify.ts";
import { maxVersionStep } from "../../src/tuf/upload-form.ts";
import { needsOpenssl } from "../support/openssl.ts";
import { certificates, freePort, Scope } from "../support/peers.ts";
import { digestOf, tagOf } from "../trust/trust-story.ts";
import { RestoreStory, tagseal } from "./restore-story.ts";

const hourMs = 3_600_000;

describe("versions that can have been published since a backup", () => {
  it("are one for each second and each renewal, and one", () => {
    assert.equal(versionsSince(26 * hourMs, { timestampMs: 24 * hourMs }), 26 * 3600 + 3 + 1);
    assert.equal(versionsSince(10_000, { timestampMs: 2_000 }), 10 + 10 + 1);
    assert.equal(versionsSince(0, { timestampMs: hourMs }), 1);
  });

  it("are a million at most", () => {
    assert.equal(versionsSince(400 * 24 * hourMs, { timestampMs: 24 * hourMs }), maxVersionStep);
  });
});

describe("a server that was restored", { skip: needsOpenssl }, () => {
  const scope = new Scope("restore");
  let story: RestoreStory;
  before(async () => {
    story = await RestoreStory.begin(scope);
  });
  after(async () => await scope.close());

  const recover = (who: string, ...argv: string[]) => tagseal(story.user(who), "trust", "recover-server", ...argv);
  const raise = (...argv: string[]) => tagseal(story.user("operator"), "server", "raise", ...argv);

  it("gets back what is newer, as JSON says, and only once", async () => {
    const gun = "localhost:5000/json/app";
    const owner = await story.open(story.user("json"), gun);
    await signTags(owner, [tagOf("v1")]);
    const backup = await story.backUp();
    await signTags(owner, [tagOf("v2")]);
    await story.restore(backup);
    const [targets, snapshot, timestamp] = ["targets", "snapshot", "timestamp"].map((role) => ({ role, version: 2 }));
    const sent = { repository: gun, sent: [targets, snapshot], passed: [timestamp], replaced: [], isBehind: false };
    for (const [more, expected] of [
      [["--dry-run"], { ...sent, dryRun: true }],
      [[], { ...sent, dryRun: false }],
      [[], { ...sent, dryRun: false, sent: [], passed: [] }],
    ] as const) {
      const { code, stdout, stderr } = await recover("json", "--json", ...more, gun);
      assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
      assert.deepEqual(JSON.parse(stdout), [expected]);
    }
  });

  it("keeps its root when only the signer's database was restored, and signs with keys made after that backup", async () => {
    const gun = "localhost:5000/signer/only";
    const owner = await story.open(story.user("signer-only"), gun);
    await signTags(owner, [tagOf("v1")]);
    const backup = await story.backUp();
    for (const role of ["timestamp", "snapshot", "timestamp"] as const) await rotateKey(owner, role);
    await story.restore(backup, ["signer.db"]);
    await signTags(owner, [tagOf("v2")]);
    await rotateKey(owner, "timestamp");
    await signTags(owner, [tagOf("v3")]);
    assert.equal((await verifyTag(owner, "v3")).digest, digestOf("v3"));
  });

  it("gets the same back from several machines at once", async () => {
    const gun = "localhost:5000/together/app";
    const owner = await story.open(story.user("together-owner"), gun);
    await signTags(owner, [tagOf("v1")]);
    const backup = await story.backUp();
    for (const role of ["targets", "root"] as const) await rotateKey(owner, role);
    await signTags(owner, [tagOf("v2")]);
    const names = ["together-1", "together-2", "together-3"];
    const { dockerConfig } = story.user("together-owner");
    for (const name of names) cpSync(dockerConfig, story.user(name).dockerConfig, { recursive: true });
    await story.restore(backup);
    const ended = await Promise.all(names.map((name) => recover(name, gun)));
    assert.deepEqual(
      ended.map(({ code, stderr }) => ({ code, stderr })),
      names.map(() => ({ code: 0, stderr: "" })),
    );
    assert.equal((await verifyTag(owner, "v2")).digest, digestOf("v2"));
  });

  it("gets nothing from a machine that remembers nothing, or another repository of the same name", async () => {
    const gun = "localhost:5000/other/app";
    const nothing = await recover("newcomer", gun);
    assert.equal(nothing.code, 1);
    assert.match(
      nothing.stderr,
      /this machine remembers no trust data for localhost:5000\/other\/app\nhint: .*\[REPOSITORY_NOT_SIGNED\]/u,
    );
    const first = await story.open(story.user("first"), gun);
    await signTags(first, [tagOf("v1")]);
    await story.delete(gun);
    await signTags(await story.open(story.user("second"), gun), [tagOf("v1")]);
    for (const more of [[], ["--dry-run"]]) {
      const { code, stderr } = await recover("first", ...more, gun);
      assert.equal(code, 1);
      assert.match(
        stderr,
        /has another repository under the name \S+ than this machine trusts\nhint: .*\[RECOVERY_REFUSED\]/u,
      );
    }
  });

  it("gets nothing that this machine would not believe itself", async () => {
    const gun = "localhost:5000/damaged/app";
    const user = story.user("damaged");
    const owner = await story.open(user, gun);
    await signTags(owner, [tagOf("v1")]);
    const backup = await story.backUp();
    await signTags(owner, [tagOf("v2")]);
    await story.restore(backup);
    const metadata = join(user.trustDirectory, "tuf", gun, "metadata");
    // what only a thief of the directory could have put there
    const targets = join(metadata, "targets.json");
    writeFileSync(targets, readFileSync(targets, "utf8").replace('"v2"', '"v3"'));
    const { code, stderr } = await recover("damaged", gun);
    assert.equal(code, 1);
    assert.match(stderr, /METADATA_MISSING|METADATA_HASH_MISMATCH/u);
    assert.deepEqual((await recover("damaged", "--json", gun)).code, 1);
  });

  it("is not raised without a number, without a name, or beyond its bound", async () => {
    const data = ["--data", story.dataDir];
    for (const [argv, message] of [
      [[...data, "--all"], /give either --by or --backup-age/u],
      [[...data, "--all", "--by", "1", "--backup-age", "1h"], /give either --by or --backup-age/u],
      [[...data, "--by", "1"], /give either IMAGE or --all/u],
      [[...data, "--by", "1", "--all", "app"], /give either IMAGE or --all/u],
      [[...data, "--by", "0", "--all"], /expected a number from 1 to 1048576, got "0"/u],
      [[...data, "--by", "1048577", "--all"], /expected a number from 1 to 1048576/u],
      [[...data, "--by", "many", "--all"], /got "many"/u],
      [[...data, "--backup-age", "yesterday", "--all"], /--backup-age: expected a length of time/u],
      [["--by", "1", "--all"], /--data or --database is required/u],
    ] as const) {
      const { code, stdout, stderr } = await raise(...argv);
      assert.deepEqual({ code, stdout }, { code: 1, stdout: "" }, argv.join(" "));
      assert.match(stderr, message);
    }
    const { stderr } = await recover("operator");
    assert.match(stderr, /give either IMAGE or --all\nhint: .*: tagseal trust recover-server --all --dry-run/u);
  });

  it("is raised as JSON says; a repository that is not there is named, and nothing is begun where no server has run", async () => {
    const gun = "localhost:5000/raised/app";
    await signTags(await story.open(story.user("raised"), gun), [tagOf("v1")]);
    const { code, stdout } = await raise(
      "--data",
      story.dataDir,
      "--by",
      "7",
      "--json",
      gun,
      "localhost:5000/not/there",
    );
    assert.equal(code, 1);
    const [done, absent] = JSON.parse(stdout) as readonly [object, { readonly error: { readonly hint: string } }];
    const change = { from: 1, to: 8 };
    const expected = { repository: gun, dryRun: false, by: 7, outcome: "raised", timestamp: change, snapshot: change };
    assert.deepEqual(done, expected);
    assert.match(absent.error.hint, /tagseal trust recover-server localhost:5000\/not\/there/u);
    const nowhere = scope.path("nowhere");
    assert.match((await raise("--data", nowhere, "--by", "7", "--all")).stderr, /FILE_UNREADABLE/u);
    assert.ok(!existsSync(nowhere));
    const keyless = scope.path("keyless");
    mkdirSync(keyless);
    cpSync(join(story.dataDir, "metadata.db"), join(keyless, "metadata.db"));
    assert.match((await raise("--data", keyless, "--by", "7", "--all")).stderr, /signer\.db/u);
    assert.ok(!readdirSync(keyless).includes("signer.db"));
    rmSync(keyless, { recursive: true });
  });

  it("is raised by several at once as by one", async () => {
    const gun = "localhost:5000/raised/together";
    await signTags(await story.open(story.user("together"), gun), [tagOf("v1")]);
    const both = await Promise.all(["50", "50"].map((by) => raise("--data", story.dataDir, "--by", by, "--json", gun)));
    const outcomes = both.map(({ stdout }) => (JSON.parse(stdout) as { outcome: string }[])[0]?.outcome ?? "");
    assert.deepEqual(outcomes.toSorted(), ["already", "raised"]);
  });
});

describe("a server that was restored, whose keys a signer has", { skip: needsOpenssl }, () => {
  const scope = new Scope("restore-signer");
  after(async () => await scope.close());

  it("is raised with them, and gets its lost rotations back, whether the signer was restored or not", async () => {
    const { serverCertificate: certFile, serverKey: keyFile, ca } = await certificates(scope);
    const dataDir = scope.path("signer");
    const startAgain = async (): Promise<RunningSigner> =>
      await startSigner({ host: "127.0.0.1", port, tls: { certFile, keyFile }, clientCaFile: ca, dataDir });
    const port = await freePort();
    let signer = await startAgain();
    scope.defer(async () => await signer.close());
    const remoteSigner = { host: "localhost", port, certFile, keyFile, caFile: ca };
    const story = await RestoreStory.begin(scope, { remoteSigner });
    const user = story.user("owner");
    const gun = "localhost:5000/signer/app";
    const owner = await story.open(user, gun);
    await signTags(owner, [tagOf("v1")]);
    const backup = await story.backUp();
    await signer.close();
    const keysOfThen = scope.path("keys-of-the-backup");
    cpSync(dataDir, keysOfThen, { recursive: true });
    signer = await startAgain();

    const trust_service = {
      type: "remote",
      hostname: "localhost",
      port: String(port),
      tls_ca_file: ca,
      tls_client_cert: certFile,
      tls_client_key: keyFile,
    };
    const config = scope.path("server.json");
    writeFileSync(config, JSON.stringify({ trust_service }));
    const where = ["--config", config, "--data", story.dataDir];
    const { stdout, stderr } = await tagseal(user, "server", "raise", ...where, "--by", "5", gun);
    assert.match(stdout, /: raised timestamp 1 to 6, snapshot 1 to 6$/mu, stderr);

    for (let count = 0; count < 2; count += 1) await rotateKey(owner, "timestamp");
    for (const restoreKeys of [
      async () => {},
      async () => {
        await signer.close();
        rmSync(dataDir, { recursive: true });
        cpSync(keysOfThen, dataDir, { recursive: true });
        signer = await startAgain();
      },
    ]) {
      await restoreKeys();
      await story.restore(backup);
      await assert.rejects(
        verifyTag(owner, "v1"),
        (error) => error instanceof TagsealError && /^METADATA|^ROOT/u.test(error.code),
      );
      const sent = await tagseal(user, "trust", "recover-server", gun);
      assert.match(
        sent.stdout,
        /: sent root 2, root 3, snapshot \d+; raised the versions above timestamp \d+$/mu,
        sent.stderr,
      );
      assert.equal((await verifyTag(owner, "v1")).digest, digestOf("v1"));
    }
    await rotateKey(owner, "timestamp");
    assert.equal((await verifyTag(owner, "v1")).digest, digestOf("v1"));
  });
});
