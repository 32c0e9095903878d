/** What images and packages contain has the same modes, independent of the umask of who builds it. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempDisposableSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { it } from "node:test";
import { modeOf } from "../support/file-mode.ts";
import { setModes } from "../../release/modes.ts";

it("a strict or a generous umask changes nothing, hidden files and directories included, and links lead to what stays as it is", () => {
  using directory = mkdtempDisposableSync(join(tmpdir(), "tagseal-modes-"));
  const [outside, tree] = [join(directory.path, "outside"), join(directory.path, "tree")];
  writeFileSync(outside, "", { mode: 0o600 });
  for (const [name, mode] of [
    ["strict", 0o700],
    [".generous", 0o777],
  ] as const) {
    mkdirSync(join(tree, name), { recursive: true, mode });
    writeFileSync(join(tree, name, ".hidden"), "", { mode: mode & 0o666 });
    writeFileSync(join(tree, name, "program"), "", { mode });
  }
  symlinkSync("../outside", join(tree, "link"));
  setModes(tree);
  const modeIn = (...names: readonly string[]): number => modeOf(join(tree, ...names));
  assert.equal(modeIn(), 0o755);
  for (const name of ["strict", ".generous"])
    assert.deepEqual([modeIn(name), modeIn(name, ".hidden"), modeIn(name, "program")], [0o755, 0o644, 0o755], name);
  assert.equal(modeOf(outside), 0o600);
});
