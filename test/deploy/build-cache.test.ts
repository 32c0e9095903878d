/** What was built is kept where that is asked for, and nowhere else. */
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { builtOnce } from "../../release/build-cache.ts";
import { Scope } from "../support/processes.ts";

describe("a cache of what was built", () => {
  const scope = new Scope("build-cache");
  const before = process.env["TAGSEAL_BUILD_CACHE"];
  const epoch = process.env["SOURCE_DATE_EPOCH"];
  const cache = scope.path("cache");
  after(async () => {
    setCache(before);
    setDate(epoch);
    await scope.close();
  });

  function setCache(directory: string | undefined): void {
    if (directory === undefined) delete process.env["TAGSEAL_BUILD_CACHE"];
    else process.env["TAGSEAL_BUILD_CACHE"] = directory;
  }

  function setDate(seconds: string | undefined): void {
    if (seconds === undefined) delete process.env["SOURCE_DATE_EPOCH"];
    else process.env["SOURCE_DATE_EPOCH"] = seconds;
  }

  /** Builds a file and a directory; what is in both says how often something was built. */
  function build(name: string, counter: { builds: number }): readonly string[] {
    const [file, directory] = [scope.path(`${name}-file`), scope.path(`${name}-directory`)];
    const content = (): string => String((counter.builds += 1));
    builtOnce("file", file, () => writeFileSync(file, content(), { mode: 0o755 }));
    builtOnce("directory", directory, () => {
      mkdirSync(join(directory, "below"), { recursive: true });
      writeFileSync(join(directory, "below", "file"), content());
    });
    return [file, join(directory, "below", "file")].map((path) => readFileSync(path, "utf8"));
  }

  it("gives the same sources the same result, a file or a directory", () => {
    setCache(cache);
    const counter = { builds: 0 };
    assert.deepEqual(build("first", counter), ["1", "2"]);
    assert.deepEqual(build("second", counter), ["1", "2"]);
    assert.equal(counter.builds, 2);
    const [sources = ""] = readdirSync(cache);
    assert.match(sources, /^[0-9a-f]{64}$/u);
    assert.deepEqual(readdirSync(join(cache, sources)).toSorted(), ["directory", "file"]);
  });

  it("does not give a build of another date, which is in what is built", () => {
    setCache(scope.path("dated"));
    const counter = { builds: 0 };
    setDate("1000000000");
    assert.deepEqual(build("early", counter), ["1", "2"]);
    setDate("1000000001");
    assert.deepEqual(build("late", counter), ["3", "4"]);
    setDate("1000000000");
    assert.deepEqual(build("early-again", counter), ["1", "2"]);
    setDate(epoch);
  });

  it("is not used unless it is named", () => {
    setCache(undefined);
    const counter = { builds: 0 };
    build("third", counter);
    assert.deepEqual(build("fourth", counter), ["3", "4"]);
  });
});
