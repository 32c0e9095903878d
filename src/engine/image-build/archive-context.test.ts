import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { execFileSync, spawnSync } from "node:child_process";
import { gzipSync, zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { extract, type Header, pack } from "tar-stream";
import { hostileBytes } from "../../../test/support/fuzz.ts";
import { hasCode } from "../../errors.ts";
import { findPackedDockerfile } from "./archive-context.ts";
import { cleanName } from "./archive-entries.ts";
import { addPackedDockerfile, replacePackedDockerfile } from "./archive-rewriting.ts";
import { PrivateDirectory } from "./private-directory.ts";
import { spool } from "./spool.ts";

type Entry = Partial<Header> & { readonly name: string; readonly content?: string };

async function tar(...entries: readonly Entry[]): Promise<Buffer> {
  const archive = pack();
  for (const { content = "", ...header } of entries) {
    if (header.type === undefined || header.type === "file") archive.entry(header, content);
    else archive.entry({ size: 0, ...header });
  }
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

async function contents(bytes: Buffer): Promise<{ header: Header; content: string }[]> {
  const found: { header: Header; content: string }[] = [];
  const entries = extract();
  entries.end(bytes);
  for await (const entry of entries) {
    const chunks: Buffer[] = [];
    for await (const chunk of entry) chunks.push(chunk as Buffer);
    found.push({ header: entry.header, content: Buffer.concat(chunks).toString() });
  }
  return found;
}

describe("archives as build contexts", () => {
  const directory = new PrivateDirectory();
  after(() => directory.remove());
  let files = 0;

  function file(bytes: Uint8Array): string {
    files += 1;
    const path = join(directory.path(), `a${files}.tar`);
    writeFileSync(path, bytes);
    return path;
  }

  async function found(entries: readonly Entry[], wanted?: string): Promise<{ name: string; text: string }> {
    const { name, bytes } = await findPackedDockerfile(file(await tar(...entries)), wanted, "docker");
    return { name, text: Buffer.from(bytes).toString() };
  }

  for (const name of ["Dockerfile", "./Dockerfile", "/Dockerfile", ".//Dockerfile", "a/../Dockerfile"]) {
    it(`find the Dockerfile as ${name}`, async () => {
      assert.deepEqual(await found([{ name: "x" }, { name, content: "FROM a" }]), {
        name: "Dockerfile",
        text: "FROM a",
      });
    });
  }

  it("find another one by -f, and dockerfile in small letters by itself", async () => {
    const entries = [
      { name: "dockerfile", content: "small" },
      { name: "./a/b.df", content: "named" },
    ];
    assert.equal((await found(entries)).text, "small");
    assert.equal((await found(entries, "a//b.df")).text, "named");
  });

  const refused: readonly (readonly [what: string, entries: readonly Entry[], message: RegExp])[] = [
    ["no Dockerfile", [{ name: "x" }], /Cannot locate specified Dockerfile: Dockerfile/],
    ["two of them", [{ name: "Dockerfile" }, { name: "./Dockerfile" }], /holds Dockerfile twice/],
    ["a link", [{ name: "Dockerfile", type: "symlink", linkname: "x" }], /not a plain file/],
    ["a hard link", [{ name: "x" }, { name: "Dockerfile", type: "link", linkname: "x" }], /not a plain file/],
    [
      "one that replaces it through a link",
      [
        { name: "Dockerfile", content: "FROM a" },
        { name: "d", type: "symlink", linkname: "." },
        { name: "d/Dockerfile", content: "FROM evil" },
      ],
      /holds d\/Dockerfile, and d is a link/,
    ],
    [
      "a file that was a link before",
      [
        { name: "Dockerfile", content: "FROM a" },
        { name: "x", type: "link", linkname: "Dockerfile" },
        { name: "x", content: "FROM evil" },
      ],
      /holds x twice, once as a link/,
    ],
    [
      "a name that ends early for some",
      [{ name: "Dockerfile" }, { name: "y", pax: { path: "Dockerfile\0" } }],
      /zero byte/,
    ],
    ["a sparse file", [{ name: "Dockerfile" }, { name: "x", pax: { "GNU.sparse.name": "Dockerfile" } }], /sparse/],
  ];
  for (const [what, entries, message] of refused) {
    it(`I9: are refused with ${what}`, async () => {
      await assert.rejects(found(entries), message);
    });
  }

  it("keep everything else as it is", async () => {
    const mtime = new Date(1_700_000_000_000);
    const source = file(
      await tar(
        { name: "dir", type: "directory", mode: 0o711, mtime },
        { name: "./Dockerfile", content: "FROM a", mode: 0o640, mtime },
        { name: "run.sh", content: "#!/bin/sh\n", mode: 0o755, uid: 7, pax: { "SCHILY.xattr.user.a": "b" }, mtime },
        { name: "link", type: "symlink", linkname: "run.sh", mtime },
        { name: `long/${"n".repeat(200)}`, content: "x", mtime },
      ),
    );
    const target = join(directory.path(), "target.tar");
    await replacePackedDockerfile(source, target, { name: "Dockerfile", bytes: Buffer.from("FROM a@sha256:…") });
    const [before, then] = [await contents(readFileSync(source)), await contents(readFileSync(target))];
    const headers = (all: typeof before): unknown[] =>
      all.map(({ header }) => [
        header.name,
        header.type,
        header.mode,
        header.uid,
        header.linkname,
        header.mtime,
        new Map(Object.entries(header.pax ?? {})).get("SCHILY.xattr.user.a"),
      ]);
    assert.deepEqual(headers(then), headers(before));
    assert.deepEqual(
      then.map(({ content }) => content),
      ["", "FROM a@sha256:…", "#!/bin/sh\n", "", "x"],
    );
  });

  it("I9: keep no second name or size of an entry, which a reader could prefer", async () => {
    const rewritten = `FROM a@sha256:${"1".repeat(64)}`;
    const source = file(
      await tar(
        { name: "Dockerfile", content: "FROM a", pax: { size: "6", comment: "x", uid: "3000000" } },
        { name: "other", content: "x", pax: { path: "file", linkpath: "y" } },
      ),
    );
    const target = join(directory.path(), "named-twice.tar");
    await replacePackedDockerfile(source, target, { name: "Dockerfile", bytes: Buffer.from(rewritten) });
    const then = await contents(readFileSync(target));
    assert.deepEqual(
      then.map(({ header, content }) => [header.name, content, header.pax]),
      [
        ["Dockerfile", rewritten, { path: "Dockerfile", uid: "3000000" }],
        ["file", "x", null],
      ],
    );
  });

  it("get a Dockerfile from elsewhere under a name that .dockerignore holds", async () => {
    const source = file(await tar({ name: "./.dockerignore", content: "*.log" }, { name: "Dockerfile", content: "x" }));
    const target = join(directory.path(), "added.tar");
    const name = await addPackedDockerfile(source, target, Buffer.from("FROM b"));
    assert.deepEqual(
      (await contents(readFileSync(target))).map(({ header, content }) => [header.name, content]),
      [
        ["./.dockerignore", `*.log\n${name}\n`],
        ["Dockerfile", "x"],
        [name, "FROM b"],
      ],
    );
    const again = join(directory.path(), "again.tar");
    await assert.rejects(
      addPackedDockerfile(target, again, Buffer.from("FROM b")),
      /holds \.dockerfile\.tagseal already/,
    );
  });

  it("have names in one spelling", () => {
    assert.equal(cleanName("./a//b/./c/"), "a/b/c");
    assert.equal(cleanName("../Dockerfile"), "../Dockerfile");
  });

  it("I1: hostile ones are refused, or read like any other", async () => {
    const seed = await tar({ name: "x", content: "y" }, { name: "./Dockerfile", content: "FROM a" });
    await fc.assert(
      fc.asyncProperty(hostileBytes(seed), async (bytes) => {
        try {
          await findPackedDockerfile(file(bytes), undefined, "docker");
        } catch (error) {
          if (!hasCode(error, "DOCKERFILE_REFUSED")) throw error;
        }
      }),
      { numRuns: 150 },
    );
  });
});

function isInstalled(program: string): boolean {
  return spawnSync(program, ["--version"], { input: "" }).error === undefined;
}

describe("contexts that arrive as a stream", () => {
  async function* stream(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += 700) yield bytes.subarray(at, at + 700);
  }

  async function kind(bytes: Uint8Array): Promise<string> {
    const directory = new PrivateDirectory();
    try {
      const spooled = await spool(stream(bytes), directory, "standard input");
      return spooled.kind;
    } finally {
      directory.remove();
    }
  }

  it("are distinguished as docker does", async () => {
    const archive = await tar({ name: "Dockerfile", content: "FROM a" });
    assert.equal(await kind(Buffer.from("FROM a\n")), "text");
    assert.equal(await kind(new Uint8Array()), "text");
    assert.equal(await kind(archive), "archive");
    assert.equal(await kind(gzipSync(archive)), "archive");
    assert.equal(await kind(zstdCompressSync(archive)), "archive");
  });

  for (const program of ["bzip2", "xz"]) {
    it(
      `are unpacked when ${program} packed them`,
      { skip: !isInstalled(program) && `no ${program} here` },
      async () => {
        const archive = await tar({ name: "Dockerfile", content: "FROM a" });
        assert.equal(await kind(execFileSync(program, ["-c"], { input: archive })), "archive");
      },
    );
  }

  it("I9: are refused when their compression is broken", async () => {
    await assert.rejects(kind(Buffer.from("28b52ffd00", "hex")), {
      code: "DOCKERFILE_REFUSED",
      message: /broken zstd/,
    });
    await assert.rejects(kind(Buffer.from("BZh91AY")), { code: /^(?:DOCKERFILE_REFUSED|USAGE)$/ });
    await assert.rejects(kind(gzipSync(Buffer.alloc(5000, 1)).subarray(0, 20)), /broken gzip/);
  });
});
