/** `tagseal server list`, `show` and `check`: what an operator sees of a server's data, beside the running server. */

import assert from "node:assert/strict";
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, it, type TestContext } from "node:test";
import { captured, type CapturedIoOptions } from "../../src/cli/captured-io.ts";
import { main } from "../../src/cli/main.ts";
import { SqliteMetadataStore } from "../../src/server/storage/sqlite-metadata-store.ts";
import type { CollectionEditor } from "../../src/tuf/editor.ts";
import { target } from "../support/editing-story.ts";
import { serve, temporaryDirectory, type TestServer } from "./running-server.ts";
import { UploadingPublisher } from "./uploading-publisher.ts";

const app = "registry.example.com/team/app";
const tool = "registry.example.com/team/tool";
const dayMs = 86_400_000;

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function tagseal(argv: readonly string[], given: Partial<CapturedIoOptions> = {}): Promise<Ended> {
  const { io, stdout, stderr } = captured({ env: {}, now: () => new Date(), ...given });
  const code = await main(argv, io);
  return { code, stdout: stdout(), stderr: stderr() };
}

interface World {
  readonly server: TestServer;
  readonly publisher: UploadingPublisher;
  readonly run: (...argv: readonly string[]) => Promise<Ended>;
  readonly later: (days: number) => number;
  readonly damage: (sql: string, ...values: readonly (string | number | Uint8Array)[]) => void;
}

/** Two repositories: one with a signer, and one whose owner has the snapshot key. */
async function world(t: TestContext): Promise<World> {
  const clock = { ms: Date.now() };
  const now = (): Date => new Date(clock.ms);
  const server = await serve(t, { now, upkeep: false });
  const publisher = await new UploadingPublisher(server.url, app, now).begin();
  await publisher.addTag("v2");
  const alice = publisher.held.generate();
  const delegate = (editor: CollectionEditor): void => {
    editor.addDelegation("targets/alice", { addKeys: [alice], addPaths: [""] });
    editor.addTarget("targets/alice", "v3", target("v3"));
  };
  const response = await publisher.send(await publisher.signed(delegate));
  assert.equal(response.status, 200, await response.clone().text());
  await new UploadingPublisher(server.url, tool, now).begin("client");
  return {
    server,
    publisher,
    run: (...argv) => tagseal(["server", ...argv, "--data", server.dataDir], { now }),
    later: (days) => (clock.ms += days * dayMs),
    damage(sql, ...values) {
      const database = new DatabaseSync(join(server.dataDir, "metadata.db"), { timeout: 5000 });
      database.prepare(sql).run(...values);
      database.close();
    },
  };
}

describe("tagseal server list", () => {
  it("shows each repository beside the running server: tags, size, the first expiry of its owners, signers", async (t) => {
    const { run } = await world(t);
    const { code, stdout, stderr } = await run("list");
    assert.equal(code, 0, stderr);
    const [heading = "", first = "", second = "", ...rest] = stdout.split("\n");
    assert.match(heading, /^REPOSITORY +TAGS +FILES +SIZE +OWNERS SIGN BY +SIGNERS$/u);
    assert.match(
      first,
      /^registry\.example\.com\/team\/app +3 +\d+ +[\d.]+ kB +\d{4}-\d\d-\d\d targets(\/alice)? +alice$/u,
    );
    assert.match(second, /^registry\.example\.com\/team\/tool +1 +4 +[\d.]+ kB +\d{4}-\d\d-\d\d \S+ +\(Repo Admin\)$/u);
    assert.deepEqual(rest, [""]);
  });

  it("says the same and more as JSON: whose the snapshot key is, and what expires when", async (t) => {
    const { run } = await world(t);
    const { stdout } = await run("list", "--json");
    const { repositories } = JSON.parse(stdout) as { repositories: Record<string, unknown>[] };
    assert.deepEqual(
      repositories.map(({ repository, tags, snapshotKey, expiries }) => [
        repository,
        tags,
        snapshotKey,
        (expiries as { what: string }[]).map(({ what }) => what).toSorted(),
      ]),
      [
        [app, 3, "server", ["certificate", "root", "targets", "targets/alice"]],
        [tool, 1, "owner", ["certificate", "root", "snapshot", "targets"]],
      ],
    );
  });

  it("lists what is damaged, too, and does not begin a server where there is none", async (t) => {
    const { run, damage } = await world(t);
    damage("UPDATE tuf_files SET data = ? WHERE gun = ? AND role = 'root'", Buffer.from("{"), app);
    assert.match((await run("list")).stdout, /team\/app .*\(damaged: see tagseal server check\)\n/u);
    const none = await tagseal(["server", "list", "--data", temporaryDirectory(t)]);
    assert.deepEqual([none.code, none.stdout], [1, ""]);
    assert.match(none.stderr, /there is no .*metadata\.db/u);
  });

  it("shows thousands of repositories, and how far it is on a terminal", async (t) => {
    const dataDir = temporaryDirectory(t);
    const store = new SqliteMetadataStore({ path: join(dataDir, "metadata.db") });
    const file = { role: "timestamp", version: 1, sha256: "a".repeat(64), bytes: Buffer.from("{}") };
    for (let count = 0; count < 1005; count += 1)
      await store.restore(`team/app-${count}`, [{ ...file, createdAt: new Date() }]);
    await store.close();
    let shown = "";
    const stderr = { isTerminal: true, columns: 80, write: (text: string) => void (shown += text) };
    let ms = 0;
    const { stdout } = await tagseal(["server", "list", "--data", dataDir], {
      stderr,
      now: () => new Date((ms += 50)),
    });
    assert.equal(stdout.split("\n").length, 1007);
    assert.match(shown.replaceAll("\r\u001b[K", "\n"), /^\d+ repositories$/mu);
    assert.ok(shown.endsWith("\r\u001b[K"));
  });
});

describe("tagseal server show", () => {
  it("shows one repository under any of its names, with who signs and until when", async (t) => {
    const { run } = await world(t);
    const { code, stdout } = await run("show", `${app}:v2`);
    assert.equal(code, 0);
    assert.match(stdout, /^Repository +registry\.example\.com\/team\/app$/mu);
    assert.match(stdout, /^Snapshot key +the server's$/mu);
    assert.match(stdout, /^certificate +\d{4}-.*Z$/mu);
    assert.match(stdout, /^alice +1 +[0-9a-f]{12}$/mu);
    assert.match(stdout, /^targets\/alice +1$/mu);
  });

  it("says that there is no such repository, with status 2", async (t) => {
    const { run } = await world(t);
    const { code, stderr } = await run("show", "alpine");
    assert.equal(code, 2);
    assert.match(stderr, /the server keeps no repository docker\.io\/library\/alpine\n.*tagseal server list/u);
  });
});

describe("tagseal server check", () => {
  it("finds nothing to say about a healthy server", async (t) => {
    const { run } = await world(t);
    assert.deepEqual(await run("check"), {
      code: 0,
      stdout: "",
      stderr: summary("2 repositories with 15 files: no problem"),
    });
  });

  const damages: readonly (readonly [string, string, RegExp])[] = [
    [
      "a superseded file whose bytes have changed",
      "UPDATE tuf_files SET data = x'7b7d' WHERE gun = ? AND role = 'targets' AND version = 1",
      /^\S+team\/app: the stored bytes of targets 1 have the hash .* \[METADATA_HASH_MISMATCH\]\n$/u,
    ],
    [
      "a file that is gone",
      "DELETE FROM tuf_files WHERE gun = ? AND role = 'targets/alice'",
      /^\S+team\/app: .*targets\/alice\S* .*\[METADATA_MISSING\]\n$/u,
    ],
    [
      "a timestamp that was taken back",
      "DELETE FROM tuf_files WHERE gun = ? AND role = 'timestamp'",
      /^\S+team\/app: .*timestamp.* \[METADATA_MISSING\]\n$/u,
    ],
    [
      "a snapshot that is not the one the timestamp names",
      "DELETE FROM tuf_files WHERE gun = ? AND role = 'snapshot' AND version = 3",
      /^\S+team\/app: .*snapshot.* \[METADATA_MISSING\]\n$/u,
    ],
  ];
  for (const [what, sql, line] of damages) {
    it(`has one line for ${what}, and status 1`, async (t) => {
      const { run, damage } = await world(t);
      damage(sql, app);
      const { code, stdout, stderr } = await run("check");
      assert.match(stdout, line);
      assert.equal(code, 1);
      assert.match(stderr, /Checked 2 repositories with \d+ files: 1 problem\n$/u);
      assert.equal((await run("check", tool)).code, 0);
      const json = JSON.parse((await run("check", "--json")).stdout) as { summary: { problems: number } };
      assert.equal(json.summary.problems, 1);
    });
  }

  it("has a line for a gap between roots, which stops readers of the older one", async (t) => {
    const { run, damage, publisher } = await world(t);
    for (let count = 0; count < 2; count += 1) {
      const key = publisher.held.generate();
      await publisher.send(await publisher.signed((editor) => editor.rotateKey("targets", [key])));
    }
    damage("DELETE FROM tuf_files WHERE gun = ? AND role = 'root' AND version = 2", app);
    const { code, stdout } = await run("check", app);
    assert.match(
      stdout,
      /^\S+team\/app: root 2 is missing: readers that trust root 1 cannot follow \[METADATA_MISSING\]\n$/u,
    );
    assert.equal(code, 1);
  });

  it("distinguishes what the server signs again itself from what its owners must sign", async (t) => {
    const { run, later } = await world(t);
    later(400 / 24);
    const soon = await run("check");
    assert.deepEqual([soon.code, soon.stdout], [0, ""]);
    assert.match(
      soon.stderr,
      /^warning: \S+team\/app: .*the server signs it again when it runs \[METADATA_EXPIRED\]$/mu,
    );
    later(4 * 365);
    const { code, stdout } = await run("check");
    assert.equal(code, 1);
    assert.match(stdout, /^\S+team\/app: readers refuse it: .*expired.*\[METADATA_EXPIRED\]\n\S+team\/tool: readers/u);
  });

  it("looks at a copy of the metadata alone, whose keys are elsewhere", async (t) => {
    const { server, later, run } = await world(t);
    const copy = join(temporaryDirectory(t), "copy");
    assert.equal((await run("backup", "--to", copy)).code, 0);
    rmSync(join(copy, "signer.db"));
    later(400 / 24);
    const now = (): Date => new Date(Date.now() + (400 / 24) * dayMs);
    const { code, stdout } = await tagseal(["server", "check", "--data", copy], { now });
    assert.deepEqual([code, stdout], [0, ""]);
    const shown = await tagseal(["server", "show", app, "--data", copy, "--json"]);
    assert.equal((JSON.parse(shown.stdout) as { snapshotKey: string }).snapshotKey, "unknown");
    assert.equal(existsSync(join(copy, "signer.db")), false);
    assert.equal(existsSync(join(server.dataDir, "signer.db")), true);
  });

  it("says where a server has no key to sign a timestamp again: it was moved here from another one", async (t) => {
    const { server, run, later } = await world(t);
    const keys = new DatabaseSync(join(server.dataDir, "signer.db"), { timeout: 5000 });
    keys.exec("DELETE FROM private_keys WHERE role = 'timestamp'");
    keys.close();
    const healthy = await run("check", tool);
    assert.deepEqual([healthy.code, healthy.stdout], [0, ""]);
    assert.match(healthy.stderr, /^warning: .*no timestamp key of the root is the server's.* \[KEY_NOT_FOUND\]$/mu);
    later(400 / 24);
    assert.match((await run("check", tool)).stdout, /team\/tool: readers refuse it: .*\[METADATA_EXPIRED\]\n$/u);
  });

  it("does not take people who publish meanwhile for damage", async (t) => {
    const { run, publisher } = await world(t);
    const publishing = { isOver: false };
    const published = (async () => {
      for (let count = 0; count < 12; count += 1) await publisher.addTag(`more-${count}`);
    })().finally(() => (publishing.isOver = true));
    while (!publishing.isOver) assert.equal((await run("check")).stdout, "");
    await published;
  });

  it("stops between two repositories when it is interrupted", async (t) => {
    const { server } = await world(t);
    const stopping = new AbortController();
    setImmediate(() => stopping.abort());
    const argv = ["server", "check", "--data", server.dataDir];
    const { code, stderr } = await tagseal(argv, { signal: stopping.signal });
    assert.equal(code, 130);
    assert.doesNotMatch(stderr, /Checked/u);
  });

  it("says that a repository it is asked about is not there", async (t) => {
    const { run } = await world(t);
    assert.equal((await run("check", "team/nothing")).code, 2);
  });
});

function summary(text: string): string {
  return `Checked ${text}\n`;
}
