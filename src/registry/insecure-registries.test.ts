import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { temporaryDirectory } from "../../test/support/temporary-directory.ts";
import { isConfiguredInsecure, loadInsecureRegistries, mayBePlain } from "./insecure-registries.ts";

test("insecure registries: by host, by host and port, by network; loopback always", async (t) => {
  const entries = ["reg.example.com", "other:5000", "10.0.0.0/8", "http://s1.example:5000", "HTTPS://S2.example/"];
  for (const host of ["s1.example:5000", "s2.example", "s2.example:1", "S2.EXAMPLE"])
    assert.ok(isConfiguredInsecure(host, entries), host);
  assert.ok(!isConfiguredInsecure("s1.example", entries));
  for (const host of ["reg.example.com", "reg.example.com:5000", "other:5000", "10.1.2.3:5000", "10.1.2.3"]) {
    assert.ok(isConfiguredInsecure(host, entries), host);
  }
  for (const host of ["other", "other:5001", "sub.reg.example.com", "11.1.2.3"])
    assert.ok(!mayBePlain(host, entries), host);
  for (const host of ["localhost", "localhost:5000", "127.0.0.1:5000", "127.9.9.9", "[::1]:5000"]) {
    assert.ok(mayBePlain(host, []), host);
    assert.ok(!isConfiguredInsecure(host, []), host);
  }
  for (const host of ["localhost.evil.example", "127.0.0.1.evil.example", "[::2]:5000"])
    assert.ok(!mayBePlain(host, []), host);
  const root = temporaryDirectory(t);
  await writeFile(join(root, "daemon.json"), '{"insecure-registries":["a", 1, "b"]}');
  assert.deepEqual(await loadInsecureRegistries(join(root, "daemon.json")), ["a", "b"]);
  assert.deepEqual(await loadInsecureRegistries(join(root, "none.json")), []);
});
