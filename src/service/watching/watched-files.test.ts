import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { temporaryDirectory } from "../../../test/support/temporary-directory.ts";
import { TagsealError } from "../../errors.ts";
import { ServerLog } from "../log.ts";
import { FileWatch } from "./file-watch.ts";
import { type FilesToWatch, WatchedFiles } from "./watched-files.ts";

interface World {
  readonly path: (name: string) => string;
  readonly clock: { ms: number };
  readonly lines: Record<string, unknown>[];
  readonly watch: FileWatch;
  /** Two files that match when they have the same content; only `a` when `b` is absent. */
  readonly open: (more?: Partial<FilesToWatch<string>>) => Promise<WatchedFiles<string>>;
}

function world(t: TestContext): World {
  const directory = temporaryDirectory(t);
  const path = (name: string): string => join(directory, name);
  const clock = { ms: 0 };
  const lines: Record<string, unknown>[] = [];
  const now = (): Date => new Date(clock.ms);
  const log = new ServerLog({ sink: (line) => void lines.push(JSON.parse(line)), level: "info", now });
  const watch = new FileWatch(now);
  for (const name of ["a", "b"]) writeFileSync(path(name), "1");
  const files = [path("a"), path("b")];
  const parse: FilesToWatch<string>["parse"] = (contentOf) => {
    const [first = "", ...others] = files.map((file) => contentOf(file).toString());
    if (others.some((other) => other !== first)) throw new TagsealError("SERVER_CONFIGURATION", "they do not match");
    return first;
  };
  const open: World["open"] = (more) => WatchedFiles.open({ part: "pair", files, parse, ...more }, { now, log, watch });
  return { path, clock, lines, watch, open };
}

const one = (path: string): Partial<FilesToWatch<string>> => ({
  files: [path],
  parse: (contentOf) => contentOf(path).toString(),
});

describe("watched files", () => {
  it("are read again on the first use after two seconds, and not before", async (t) => {
    const { path, clock, open } = world(t);
    const files = await open();
    for (const name of ["a", "b"]) writeFileSync(path(name), "2");
    assert.equal(await files.value(), "1");
    clock.ms += 2000;
    assert.equal(await files.value(), "2");
  });

  it("are read again after the clock was set back", async (t) => {
    const { path, clock, open } = world(t);
    const files = await open(one(path("a")));
    writeFileSync(path("a"), "2");
    clock.ms -= 86_400_000;
    assert.equal(await files.value(), "2");
  });

  it("count as one: half of an exchange is neither used nor reported", async (t) => {
    const { path, lines, watch, open } = world(t);
    const files = await open();
    writeFileSync(path("a"), "2");
    await files.look();
    assert.equal(files.current, "1");
    assert.equal(watch.fault("pair"), undefined);
    writeFileSync(path("b"), "2");
    await files.look();
    assert.equal(files.current, "2");
    assert.deepEqual(
      lines.map(({ event }) => event),
      ["read a changed file"],
    );
  });

  it("are found behind a link that now points to another directory", async (t) => {
    const { path, open } = world(t);
    for (const version of ["1", "2"]) {
      mkdirSync(path(`..${version}`));
      writeFileSync(path(`..${version}/file`), version);
    }
    symlinkSync("..1", path("..data"));
    symlinkSync("..data/file", path("file"));
    const files = await open(one(path("file")));
    symlinkSync("..2", path("..new"));
    renameSync(path("..new"), path("..data"));
    await files.look();
    assert.equal(files.current, "2");
  });

  it("are a fault at once when a single one is missing, logged once, until it is back unchanged", async (t) => {
    const { path, lines, watch, open } = world(t);
    const files = await open(one(path("a")));
    rmSync(path("a"));
    for (let look = 0; look < 3; look += 1) await files.look();
    assert.equal(files.current, "1");
    assert.match(watch.fault("pair")?.reason ?? "", /^SERVER_CONFIGURATION: /u);
    assert.doesNotMatch(watch.fault("pair")?.reason ?? "", /tagseal-watched/u);
    writeFileSync(path("a"), "1");
    await files.look();
    assert.equal(watch.fault("pair"), undefined);
    assert.deepEqual(
      lines.map(({ event }) => event),
      ["kept the old state of a file"],
    );
  });

  it("are bounded, and directories are refused", async (t) => {
    const { path, open } = world(t);
    const files = await open(one(path("a")));
    truncateSync(path("a"), 4 * 1024 * 1024 + 1);
    await assert.rejects(files.reload(), { code: "SERVER_CONFIGURATION", message: /more than 4194304/u });
    rmSync(path("a"));
    mkdirSync(path("a"));
    await assert.rejects(files.reload(), { code: "SERVER_CONFIGURATION" });
    assert.equal(files.current, "1");
  });

  it("may be pipes at the start, which are read only once", async (t) => {
    const { path, watch, open } = world(t);
    execFileSync("mkfifo", [path("pipe")]);
    const writer = spawn("sh", ["-c", 'printf 1 > "$0"', path("pipe")]);
    t.after(() => writer.kill());
    const files = await open(one(path("pipe")));
    await files.look();
    await files.reload();
    assert.equal(files.current, "1");
    assert.equal(watch.fault("pair"), undefined);
  });

  it("stay as they were when the new ones cannot be used", async (t) => {
    const { path, open } = world(t);
    const refusing = (): never => {
      throw new TypeError("no");
    };
    const files = await open({ ...one(path("a")), onChange: refusing });
    writeFileSync(path("a"), "2");
    await assert.rejects(files.reload(), { code: "SERVER_CONFIGURATION" });
    assert.equal(files.current, "1");
  });

  it("are all read when one of them is invalid, and that one is named", async (t) => {
    const { path, watch, open } = world(t);
    const [pair, alone] = [await open(), await open({ part: "alone", ...one(path("b")) })];
    writeFileSync(path("b"), "2");
    await assert.rejects(watch.reload(), { code: "SERVER_CONFIGURATION", message: /a and .*b: they do not match/u });
    assert.deepEqual([pair.current, alone.current], ["1", "2"]);
  });
});
