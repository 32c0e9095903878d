/** The library's reference says what the sources say. */
import assert from "node:assert/strict";
import { mkdtempDisposableSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { it } from "node:test";
import { apiPage } from "../release/api-page.ts";
import { writeTypes } from "../release/types.ts";

it("docs/api.md is what npm run api-page writes, and explains every export", async () => {
  using types = mkdtempDisposableSync(join(tmpdir(), "tagseal-api-page-"));
  await writeTypes(types.path);
  const page = apiPage(types.path);
  assert.equal(readFileSync(resolve(import.meta.dirname, "../docs/api.md"), "utf8"), page);
  const library = await import("../src/index.ts");
  for (const name of Object.keys(library)) assert.match(page, new RegExp(`^### ${name}\n\n[A-Z]`, "mu"));
});
