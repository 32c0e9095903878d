import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { temporaryDirectory } from "../../test/support/temporary-directory.ts";
import { writeWhole } from "./file-content.ts";

const content = randomBytes(3 * 1024 * 1024 + 17);
const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

async function* piecesOf(size: number, end = content.length): AsyncGenerator<Uint8Array, void> {
  yield new Uint8Array();
  for (let at = 0; at < end; at += size) {
    // a source may fill the same buffer again for its next piece
    const piece = Buffer.from(content.subarray(at, Math.min(at + size, end)));
    yield piece;
    piece.fill(0);
  }
}

test("a file has the bytes of its pieces, whatever their sizes", async (t) => {
  const path = join(temporaryDirectory(t), "new", "file");
  for (const size of [4_093, 16_384, 512 * 1024 - 1, 512 * 1024, 512 * 1024 + 1, content.length]) {
    await writeWhole(path, piecesOf(size));
    assert.equal(sha256(readFileSync(path)), sha256(content), `${size}`);
  }
  await writeWhole(path, []);
  assert.equal(readFileSync(path).length, 0);
});

test("a large file is brought to the disk in parts, and fails when one of them is lost", async (t) => {
  const directory = temporaryDirectory(t);
  const path = join(directory, "large");
  const pieces = Array.from({ length: 12 }, () => Buffer.alloc(4_000_000, "large"));
  const handle = await open(directory, "r");
  await handle.close();
  const handles = Object.getPrototypeOf(handle) as typeof handle;
  const { mock } = t.mock.method(handles, "datasync");
  await writeWhole(path, pieces);
  assert.equal(sha256(readFileSync(path)), sha256(Buffer.concat(pieces)));
  assert.ok(mock.callCount() > 0);
  mock.mockImplementationOnce(async () => await Promise.reject(Object.assign(new Error("EIO"), { code: "EIO" })));
  await assert.rejects(writeWhole(path, pieces), { code: "FILE_UNWRITABLE" });
  assert.deepEqual(readdirSync(directory), ["large"]);
});

test("pieces that fail leave the earlier file as it was, and nothing beside it", async (t) => {
  const directory = temporaryDirectory(t);
  const path = join(directory, "file");
  await writeWhole(path, [Buffer.from("earlier")]);
  const failing = async function* (): AsyncGenerator<Uint8Array, void> {
    yield* piecesOf(100_000, 2_000_000);
    throw new Error("the connection is lost");
  };
  await assert.rejects(writeWhole(path, failing()), /the connection is lost/u);
  assert.equal(readFileSync(path, "utf8"), "earlier");
  assert.deepEqual(readdirSync(directory), ["file"]);
});

test("a path that cannot be written is a failure of the file", async (t) => {
  const path = join(temporaryDirectory(t), "taken");
  mkdirSync(path);
  await assert.rejects(writeWhole(path, piecesOf(100_000)), { code: "FILE_UNWRITABLE" });
  await assert.rejects(writeWhole("/dev/full/x", piecesOf(100_000)), { code: "FILE_UNWRITABLE" });
});
