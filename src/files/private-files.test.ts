import { deepEqual, equal, rejects, throws } from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { beforeEach, test } from "node:test";
import { modeOf } from "../../test/support/file-mode.ts";
import { mountingNeedsRoot, ownFileSystem } from "../../test/support/file-systems.ts";
import { temporaryDirectory } from "../../test/support/temporary-directory.ts";
import { makeDirectory } from "./make-directory.ts";
import { readPrivateFile } from "./read-private-file.ts";
import { writeAtomically } from "./write-atomically.ts";

let directory: string;
beforeEach(() => void (directory = temporaryDirectory()));

const path = (): string => join(directory, "file");

function whatIsThere(maxBytes = 100): string {
  const found = readPrivateFile(path(), maxBytes);
  return found.kind === "no file" ? found.what : found.kind;
}

test("a file is read up to its bound, and not beyond", () => {
  equal(whatIsThere(), "nothing");
  for (const text of ["", "x", "x".repeat(100)]) {
    writeFileSync(path(), text);
    const found = readPrivateFile(path(), 100);
    equal(found.kind === "file" && found.bytes.toString(), text);
  }
  writeFileSync(path(), "x".repeat(101));
  equal(whatIsThere(), "too large");
  // A file whose size is not known before it is read.
  const grown = readPrivateFile("/proc/self/status", 50);
  equal(grown.kind, "too large");
});

test("a link is not followed, whether it leads somewhere or not", () => {
  for (const target of [directory, "/etc/passwd", join(directory, "nowhere"), path()]) {
    symlinkSync(target, path());
    equal(whatIsThere(), "a link");
    rmSync(path());
  }
});

test("a pipe, a socket, a device and a directory are distinguished, and none is waited for", async () => {
  execFileSync("mkfifo", [path()]);
  equal(whatIsThere(), "a pipe");
  rmSync(path());
  mkdirSync(path());
  equal(whatIsThere(), "a directory");
  rmSync(path(), { recursive: true });
  const server = createServer().listen(path());
  await new Promise((resolve) => server.on("listening", resolve));
  equal(whatIsThere(), "a socket");
  server.close();
  const device = readPrivateFile("/dev/zero", 100);
  equal(device.kind === "no file" && device.what, "a device");
});

test("a file is replaced whole, private, with nothing left beside it", async () => {
  for (const text of ["first", "second"]) {
    await writeAtomically(path(), text, { surviveCrash: true });
    equal(readFileSync(path(), "utf8"), text);
    equal(modeOf(path()), 0o600);
  }
  deepEqual(readdirSync(directory), ["file"]);
});

test("a link or a pipe in its place is replaced, never written to", async () => {
  const outside = join(directory, "outside");
  writeFileSync(outside, "theirs");
  symlinkSync(outside, path());
  await writeAtomically(path(), "ours");
  rmSync(path());
  execFileSync("mkfifo", [path()]);
  await writeAtomically(path(), "ours");
  equal(readFileSync(path(), "utf8"), "ours");
  equal(readFileSync(outside, "utf8"), "theirs");
});

test("what cannot be written is the system's error, and leaves what was there", async (t) => {
  mkdirSync(path());
  await rejects(writeAtomically(path(), "text"), { code: /E(?:ISDIR|EXIST|NOTEMPTY)/u });
  deepEqual(readdirSync(directory), ["file"]);
  await rejects(writeAtomically(join(directory, "absent", "file"), "text"), { code: "ENOENT" });
  const full = ownFileSystem(t, 64);
  if (full === undefined) return t.skip(mountingNeedsRoot);
  writeFileSync(join(full.directory, "file"), "old");
  await rejects(writeAtomically(join(full.directory, "file"), "x".repeat(100_000)), { code: "ENOSPC" });
  deepEqual(readdirSync(full.directory), ["file"]);
  equal(readFileSync(join(full.directory, "file"), "utf8"), "old");
});

test("a directory is made with what is missing above it, and says what is in the way", (t) => {
  makeDirectory(join(directory, "a/b/c"));
  makeDirectory(join(directory, "a/b/c"));
  equal(modeOf(join(directory, "a/b")), 0o700);
  symlinkSync(join(directory, "a"), join(directory, "link"));
  makeDirectory(join(directory, "link/d"));
  deepEqual(readdirSync(join(directory, "a")), ["b", "d"]);
  symlinkSync(join(directory, "gone"), join(directory, "nowhere"));
  throws(() => makeDirectory(join(directory, "nowhere/x")), /nowhere is a link that leads nowhere$/u);
  writeFileSync(path(), "");
  throws(() => makeDirectory(path()), /file is a file$/u);
  throws(() => makeDirectory(join(path(), "x")), { code: "ENOTDIR" });
  const disk = ownFileSystem(t, 64);
  if (disk === undefined) return t.skip(mountingNeedsRoot);
  disk.makeReadOnly();
  makeDirectory(disk.directory);
  throws(() => makeDirectory(join(disk.directory, "a/b")), { code: "EROFS" });
});

test("a new file is written whole by one of several writers; what is there is never replaced", async () => {
  const texts = ["1", "2", "3", "4"].map((text) => text.repeat(100_000));
  const results = await Promise.allSettled(
    texts.map(async (text) => await writeAtomically(path(), text, { onlyNew: true })),
  );
  const winner = results.findIndex(({ status }) => status === "fulfilled");
  equal(results.filter(({ status }) => status === "fulfilled").length, 1);
  equal(readFileSync(path(), "utf8"), texts[winner]);
  await rejects(writeAtomically(path(), "other", { onlyNew: true }), { code: "EEXIST" });
  equal(modeOf(path()), 0o600);
  deepEqual(readdirSync(directory), ["file"]);
  await rejects(writeAtomically(join(directory, "absent", "file"), "text", { onlyNew: true }), { code: "ENOENT" });
});
