import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { it } from "node:test";
import { ParsedRoots } from "./parsed-roots.ts";

const bytes = readFileSync(new URL("../../test/vectors/notary-v1/vec-demo/root.json", import.meta.url));
const gun = "docker.io/library/alpine";

it("knows a root again by its bytes, and by nothing else", () => {
  const roots = new ParsedRoots();
  const first = roots.parse(gun, "root", { bytes, version: 1 });
  assert.equal(roots.parse(gun, "root", { bytes: Buffer.from(bytes), version: 1 }), first);
  const other = Buffer.from(bytes.toString().replace('"version":2', '"version":3'));
  assert.equal(roots.parse(gun, "root", { bytes: other, version: 1 }).body.version, 3);
  assert.equal(roots.parse(gun, "root", { bytes, version: 1 }).body.version, first.body.version);
});

it("passes on what is wrong with a stored root, every time", () => {
  const roots = new ParsedRoots();
  for (let time = 0; time < 2; time += 1) {
    assert.throws(() => roots.parse(gun, "root", { bytes: Buffer.from("{}"), version: 1 }), {
      code: "METADATA_MALFORMED",
    });
  }
});
