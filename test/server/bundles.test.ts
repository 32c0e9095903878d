/** Bundles: what was exported is what comes in, and nothing else comes in. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { describe, it, type TestContext } from "node:test";
import { extract, pack } from "tar-stream";
import { sha256Hex } from "../../src/crypto/sha256.ts";
import type { CollectionReport } from "../../src/transfer/move-report.ts";
import { newPath, oldPassphrase, published, tagseal, type Ended } from "./moving-story.ts";
import { serve } from "./running-server.ts";
import { readTags } from "./uploading-publisher.ts";

const gun = "registry.example.com/team/app";
const other = "registry.example.com/team/other";
const signerPassphrases = { byAlias: new Map([["old", oldPassphrase.NOTARY_SIGNER_OLD]]), defaultAlias: "old" };

interface Entry {
  readonly name: string;
  readonly bytes: Buffer;
}

async function exported(t: TestContext, dataDir: string, ...args: readonly string[]): Promise<string> {
  const file = newPath(t, "bundle.tar");
  const { code, stderr } = await tagseal(["export", "--data", dataDir, "--to", file, ...args], oldPassphrase);
  assert.equal(code, 0, stderr);
  return file;
}

interface Imported extends Ended {
  readonly collections: readonly CollectionReport[];
}

async function imported(file: string, data: string): Promise<Imported> {
  const ended = await tagseal(["import", "bundle", file, "--data", data, "--json"]);
  const { collections = [] } = JSON.parse(ended.stdout) as { collections?: CollectionReport[] };
  return { ...ended, collections };
}

async function entriesOf(file: string): Promise<Entry[]> {
  const entries: Entry[] = [];
  const tar = extract();
  tar.end(readFileSync(file));
  for await (const entry of tar) {
    const chunks: Buffer[] = [];
    for await (const chunk of entry) chunks.push(chunk as Buffer);
    entries.push({ name: entry.header.name, bytes: Buffer.concat(chunks) });
  }
  return entries;
}

async function writeEntries(file: string, entries: readonly Entry[]): Promise<void> {
  const tar = pack();
  for (const { name, bytes } of entries) tar.entry({ name }, bytes);
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar) chunks.push(chunk as Buffer);
  writeFileSync(file, Buffer.concat(chunks));
}

/** The same bundle with its entries changed. */
async function tampered(t: TestContext, file: string, change: (entry: Entry) => Entry | undefined): Promise<string> {
  const copy = newPath(t, "tampered.tar");
  await writeEntries(
    copy,
    (await entriesOf(file)).flatMap((entry) => change(entry) ?? []),
  );
  return copy;
}

/** One file of a bundle replaced, and its index made to fit: what an attacker without keys can do. */
async function forged(t: TestContext, file: string, name: RegExp, forge: (text: string) => string): Promise<string> {
  const entries = await entriesOf(file);
  const target = entries.find((entry) => name.test(entry.name));
  assert.ok(target);
  const bytes = Buffer.from(forge(target.bytes.toString("latin1")), "latin1");
  const [was, is] = [sha256Hex(target.bytes), sha256Hex(bytes)];
  return await tampered(t, file, (entry) => {
    if (entry.name === target.name) return { name: entry.name, bytes };
    if (!entry.name.endsWith("/_trust/index.json")) return entry;
    const index = entry.bytes
      .toString()
      .replace(`"sha256":"${was}","length":${target.bytes.length}`, `"sha256":"${is}","length":${bytes.length}`);
    return { name: entry.name, bytes: Buffer.from(index) };
  });
}

describe("bundles", () => {
  it("carry repositories to where readers verify them, without any key", async (t) => {
    const { dataDir } = await published(t, gun, other);
    const file = await exported(t, dataDir);
    assert.doesNotMatch(readFileSync(file, "latin1"), /PRIVATE|PBES2|eyJ/u);
    const data = newPath(t);
    const { code, collections } = await imported(file, data);
    assert.equal(code, 0);
    assert.deepEqual(
      collections.map(({ gun: name, files, added, problems }) => [name, files, added, problems]),
      [gun, other].map((name) => [name, 4, 4, []]),
    );
    const server = await serve(t, { dataDir: data });
    assert.deepEqual(await readTags(server.url, other), ["v1", "v2", "v3"]);
  });

  it("are the same bytes for the same content, wherever it lies", async (t) => {
    const { dataDir } = await published(t, gun, other);
    const file = await exported(t, dataDir);
    const data = newPath(t);
    await imported(file, data);
    assert.ok(readFileSync(await exported(t, data)).equals(readFileSync(file)));
    assert.ok(readFileSync(await exported(t, dataDir, other, gun)).equals(readFileSync(file)));
  });

  it("hold the repositories that were asked for", async (t) => {
    const { dataDir } = await published(t, gun, other);
    const names = (await entriesOf(await exported(t, dataDir, gun))).map(({ name }) => name);
    assert.deepEqual(names, [
      "tagseal-bundle.json",
      `${gun}/_trust/index.json`,
      ...["1.root", "3.targets", "3.snapshot", "3.timestamp"].map((name) => `${gun}/_trust/tuf/${name}.json`),
    ]);
  });

  it("include older versions when asked to", async (t) => {
    const { dataDir } = await published(t, gun);
    const file = await exported(t, dataDir, "--all-versions");
    const data = newPath(t);
    const { code, collections } = await imported(file, data);
    assert.deepEqual([code, collections[0]?.files, collections[0]?.added], [0, 10, 10]);
    assert.ok(readFileSync(await exported(t, data, "--all-versions")).equals(readFileSync(file)));
  });

  it("bring a newer state, and then the same one again", async (t) => {
    const { dataDir, publishers } = await published(t, gun);
    const first = await exported(t, dataDir);
    const server = await serve(t, { dataDir, signerPassphrases });
    await (await publishers.get(gun)?.resumedAt(server.url))?.addTag("v4");
    const second = await exported(t, dataDir); // while the server runs
    const data = newPath(t);
    await imported(first, data);
    const mirror = await serve(t, { dataDir: data });
    assert.deepEqual(await readTags(mirror.url, gun), ["v1", "v2", "v3"]);
    assert.equal((await imported(second, data)).collections[0]?.added, 3);
    assert.deepEqual(await readTags(mirror.url, gun), ["v1", "v2", "v3", "v4"]);
    assert.deepEqual((await imported(second, data)).collections[0]?.added, 0);
    const feed = await fetch(`${mirror.url}/v2/${gun}/_trust/changefeed?records=10`);
    assert.equal(((await feed.json()) as { count: number }).count, 2);
  });

  it("I3: do not bring back an older state", async (t) => {
    const { dataDir, publishers } = await published(t, gun);
    const first = await exported(t, dataDir);
    const server = await serve(t, { dataDir, signerPassphrases });
    await (await publishers.get(gun)?.resumedAt(server.url))?.addTag("v4");
    const { code, collections } = await imported(first, dataDir);
    assert.equal(code, 1);
    assert.equal(collections[0]?.problems[0]?.code, "METADATA_VERSION_ROLLBACK");
    assert.deepEqual(await readTags(server.url, gun), ["v1", "v2", "v3", "v4"]);
  });

  it("do not replace another repository of the same name, and bring the others in", async (t) => {
    const { dataDir } = await published(t, gun);
    const file = await exported(t, (await published(t, gun, other)).dataDir);
    const { code, collections } = await imported(file, dataDir);
    assert.equal(code, 1);
    assert.deepEqual(
      collections.map(({ problems }) => problems.map((problem) => problem.code)),
      [["STORAGE_CONFLICT"], []],
    );
    const server = await serve(t, { dataDir, signerPassphrases });
    assert.deepEqual(await readTags(server.url, other), ["v1", "v2", "v3"]);
  });

  it("are not written when a repository does not verify", async (t) => {
    const { dataDir } = await published(t, gun);
    const file = newPath(t, "bundle.tar");
    const { code, stderr } = await tagseal(["export", other, gun, "--data", dataDir, "--to", file]);
    assert.equal(code, 2);
    assert.match(stderr, /there is no trust data for .*other[\s\S]*\[REPOSITORY_NOT_SIGNED\]/u);
    assert.throws(() => readFileSync(file), /ENOENT/u);
  });

  it("come from any running server, ours among them", async (t) => {
    const { dataDir } = await published(t, gun);
    const server = await serve(t, { dataDir, signerPassphrases });
    const file = newPath(t, "bundle.tar");
    const { code, stderr } = await tagseal(["export", gun, "--from", server.url, "--to", file]);
    assert.equal(code, 1, "plain http is refused");
    assert.match(stderr, /TRUST_SERVER_URL_INVALID/u);
  });
});

describe("bundles that were tampered with", () => {
  const malformed: readonly {
    readonly name: string;
    readonly change: (entry: Entry) => Entry | undefined;
    readonly says: RegExp;
  }[] = [
    {
      name: "a changed byte",
      change: ({ name, bytes }) => ({
        name,
        bytes: name.endsWith("targets.json")
          ? Buffer.from(bytes.toString("latin1").replace("v3", "v9"), "latin1")
          : bytes,
      }),
      says: /3\.targets\.json is not what its index says/u,
    },
    {
      name: "a file left out",
      change: (entry) => (entry.name.endsWith("snapshot.json") ? undefined : entry),
      says: /it holds ".*3\.timestamp\.json" where .*3\.snapshot\.json must be/u,
    },
    {
      name: "the end cut off",
      change: (entry) => (entry.name.endsWith("timestamp.json") ? undefined : entry),
      says: /it ends before .*3\.timestamp\.json/u,
    },
    {
      name: "a name that climbs out",
      change: ({ name, bytes }) => ({
        name,
        bytes:
          name === "tagseal-bundle.json" ? Buffer.from(bytes.toString().replace("registry.example.com", "..")) : bytes,
      }),
      says: /no empty, \. or \.\. segments/u,
    },
    {
      name: "another version of the format",
      change: ({ name, bytes }) => ({
        name,
        bytes:
          name === "tagseal-bundle.json" ? Buffer.from(bytes.toString().replace('"version":1', '"version":2')) : bytes,
      }),
      says: /it has version 2, this release reads version 1/u,
    },
    {
      name: "a length that cannot be",
      change: ({ name, bytes }) => ({
        name,
        bytes: name.endsWith("index.json")
          ? Buffer.from(bytes.toString().replace(/"length":\d+/u, '"length":99999999999'))
          : bytes,
      }),
      says: /root 1 has a length that cannot be/u,
    },
    {
      name: "an index that is not JSON",
      change: ({ name, bytes }) => ({ name, bytes: name.endsWith("index.json") ? Buffer.from("{") : bytes }),
      says: /index\.json is not JSON/u,
    },
  ];
  for (const { name, change, says } of malformed) {
    it(`are refused with ${name}`, async (t) => {
      const { dataDir } = await published(t, gun);
      const file = await tampered(t, await exported(t, dataDir), change);
      const { code, stderr } = await imported(file, newPath(t));
      assert.equal(code, 3);
      assert.match(stderr, says);
      assert.match(stderr, /\[BUNDLE_MALFORMED\]/u);
    });
  }

  it("are refused when they are no tar, or a tar of something else", async (t) => {
    const file = newPath(t, "not-a-bundle");
    writeFileSync(file, "x".repeat(5000));
    assert.match((await imported(file, newPath(t))).stderr, /it is not a tar archive, or a damaged one/u);
    await writeEntries(file, [{ name: "etc/passwd", bytes: Buffer.from("root") }]);
    assert.match(
      (await imported(file, newPath(t))).stderr,
      /it holds "etc\/passwd" where tagseal-bundle\.json must be/u,
    );
    assert.match((await imported("/nowhere/bundle.tar", newPath(t))).stderr, /\[FILE_UNREADABLE\]/u);
  });

  it("I1: are refused when a header would fill the memory", async (t) => {
    const file = newPath(t, "long-header.tar");
    const tar = pack();
    tar.entry({ name: "tagseal-bundle.json", pax: { comment: "x".repeat(20_000_000) } }, Buffer.from("{}"));
    tar.finalize();
    const chunks: Buffer[] = [];
    for await (const chunk of tar) chunks.push(chunk as Buffer);
    writeFileSync(file, Buffer.concat(chunks));
    assert.match((await imported(file, newPath(t))).stderr, /Header exceeds max size/u);
  });

  it("are refused when a file is not signed by those who may, however well the index fits", async (t) => {
    const { dataDir } = await published(t, gun);
    const file = await forged(t, await exported(t, dataDir), /3\.targets\.json$/u, (text) => text.replace("v3", "v9"));
    const { code, collections } = await imported(file, newPath(t));
    assert.equal(code, 1);
    assert.match(collections[0]?.problems[0]?.code ?? "", /METADATA_(MISSING|HASH_MISMATCH|THRESHOLD_NOT_MET)/u);
  });

  it("bring no history that its owner did not sign, nor any that would count as newer", async (t) => {
    const { dataDir } = await published(t, gun);
    const whole = await exported(t, dataDir, "--all-versions");
    const file = await forged(t, whole, /2\.targets\.json$/u, (text) => text.replace("v2", "v9"));
    const { code, collections } = await imported(file, newPath(t));
    assert.equal(code, 1);
    assert.equal(collections[0]?.added, 9);
    assert.match(collections[0]?.problems[0]?.message ?? "", /^targets 2 was not imported: it is not signed by keys/u);

    const newer = await tampered(t, whole, ({ name, bytes }) => {
      const renamed = name.replace("/2.targets", "/99.targets");
      const text = bytes.toString("latin1").replace('"role":"targets","version":2', '"role":"targets","version":99');
      return { name: renamed, bytes: name.endsWith("index.json") ? Buffer.from(text, "latin1") : bytes };
    });
    const second = await imported(newer, newPath(t));
    assert.match(second.collections[0]?.problems[0]?.message ?? "", /^targets 99 was not imported: it is not older/u);
  });
});
