import assert from "node:assert/strict";
import { mkdirSync, mkdtempDisposableSync, readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { it } from "node:test";
import { emptyOutput } from "../../release/output-directory.ts";

it("replaces what an earlier run left, and never empties a directory with anything else in it", () => {
  using temporary = mkdtempDisposableSync(join(tmpdir(), "tagseal-output-"));
  const directory = join(temporary.path, "release");
  emptyOutput(directory, /^tagseal/u);
  assert.deepEqual(readdirSync(directory), []);
  mkdirSync(join(directory, "tagseal-tree", "below"), { recursive: true });
  emptyOutput(directory, /^tagseal/u);
  assert.deepEqual(readdirSync(directory), []);
  for (const name of ["tagseal-1", "thesis.tex"]) writeFileSync(join(directory, name), "");
  assert.throws(() => emptyOutput(directory, /^tagseal/u), /would be emptied, and holds thesis\.tex/u);
  assert.deepEqual(readdirSync(directory), ["tagseal-1", "thesis.tex"]);
  assert.throws(() => emptyOutput(join(directory, "thesis.tex"), /./u), /EEXIST|ENOTDIR/u);
});
