import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { defaultUserAgent } from "./user-agent.ts";

test("the user agent has the package's version", async () => {
  const manifest = JSON.parse(await readFile(new URL("../../../package.json", import.meta.url), "utf8")) as {
    version: string;
  };
  assert.equal(defaultUserAgent, `Tagseal/${manifest.version}`);
});
