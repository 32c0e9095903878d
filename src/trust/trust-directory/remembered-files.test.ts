import assert from "node:assert/strict";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { temporaryDirectory } from "../../../test/support/temporary-directory.ts";
import { readRemembered, rememberedFiles, rememberedGuns } from "./remembered-files.ts";

const trustDirectory = temporaryDirectory();

function put(path: string, text = "{}"): string {
  const file = join(trustDirectory, "tuf", path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  return file;
}

test("finds the role files of every collection, also of one below another and of names that look like a path of the cache", async () => {
  put("localhost:5000/app/metadata/root.json");
  put("localhost:5000/app/metadata/targets/alice.json");
  put("localhost:5000/app/metadata/targets/metadata/x.json");
  put("localhost:5000/app/api/metadata/root.json");
  put("localhost:5000/metadata/app/metadata/root.json");
  for (const other of ["app/changelist/1.json", "app/.tagseal-roots/1.json", "app/metadata/notes.json"])
    put(`localhost:5000/${other}`);
  assert.deepEqual(
    (await rememberedFiles(trustDirectory)).map(({ gun, role }) => `${gun} ${role}`),
    [
      "localhost:5000/app/api root",
      "localhost:5000/app root",
      "localhost:5000/app targets/alice",
      "localhost:5000/app targets/metadata/x",
      "localhost:5000/metadata/app root",
    ],
  );
  assert.deepEqual(await rememberedGuns(trustDirectory), [
    "localhost:5000/app",
    "localhost:5000/app/api",
    "localhost:5000/metadata/app",
  ]);
  assert.deepEqual(await rememberedGuns(join(trustDirectory, "nothing")), []);
});

test("I1: refuses a file that is not metadata, a link, and one that is gone", () => {
  const read = (path: string) => readRemembered({ gun: "app", role: "root", path });
  assert.throws(() => read(put("app/metadata/root.json", "{")), { code: "METADATA_MALFORMED" });
  assert.throws(() => read(join(trustDirectory, "absent")), { code: "METADATA_MISSING" });
  const link = join(trustDirectory, "link.json");
  symlinkSync(put("elsewhere.json"), link);
  assert.throws(() => read(link), { code: "METADATA_CACHE_CORRUPT" });
});
