/** Signed files that are not images: what we add, notary 0.7 verifies, and the other way round. */
import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import {
  client,
  missingPeers,
  runOk,
  Scope,
  startTagsealServer,
  tagsealCommand,
  type Client,
  type TrustServer,
} from "../support/peers.ts";

const helloSha256 = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";
/** Not UTF-8, so that a detour through text would show. */
const bytes = Buffer.from([0, 255, 128, 10, 13, 195, 40]);

const scope = new Scope("signed-files");
let server: TrustServer;
const newUser = (name: string): Client => client(scope, { server, name });

function file(user: Client, name: string, content: string | Buffer): string {
  const path = join(user.dockerConfig, name);
  writeFileSync(path, content);
  return path;
}

const target = (user: Client, ...words: readonly string[]) => user.tagsealOk(["trust", "target", ...words]);

describe("signed files, with notary 0.7", { skip: missingPeers(["notary"]) }, () => {
  before(async () => void (server = await startTagsealServer(scope)));
  after(async () => await scope.close());

  it("notary lists, looks up and verifies what we added, and no longer what we removed", async () => {
    const gun = "example.com/ours";
    const [user, reader] = [newUser("ours"), newUser("notary-reader")];
    const [hello, other] = [file(user, "hello", "hello\n"), file(user, "other", "hellO\n")];
    await target(user, "add", gun, "docs/hello", hello);
    await target(user, "add", "--sha256", helloSha256, "--size", "6", gun, "by-hash");
    const { stdout } = await reader.notaryOk(["list", gun]);
    for (const name of ["docs/hello", "by-hash"])
      assert.match(stdout, new RegExp(`^${name}\\s+${helloSha256}\\s+6\\s+targets`, "mu"));
    const looked = await reader.notaryOk(["lookup", gun, "docs/hello"]);
    assert.equal((await target(user, "lookup", gun, "docs/hello")).stdout, looked.stdout, "the same line");
    assert.equal((await reader.notaryOk(["verify", gun, "docs/hello", "-i", hello])).stdout, "hello\n");
    assert.equal((await reader.notary(["verify", gun, "docs/hello", "-i", other])).code, 1);
    await target(user, "remove", gun, "docs/hello");
    assert.doesNotMatch((await reader.notaryOk(["list", gun])).stdout, /docs\/hello/u);
  });

  it("we list, look up and verify what notary added, byte for byte, and both go on in one collection", async () => {
    const gun = "example.com/notarys";
    const [user, reader] = [newUser("notarys"), newUser("our-reader")];
    const binary = file(user, "binary", bytes);
    await user.notaryOk(["init", "-p", gun]);
    await user.notaryOk(["add", "-p", gun, "binary", binary]);
    await target(user, "add", gun, "ours", binary);
    await user.notaryOk(["remove", "-p", gun, "ours"]);
    assert.match((await target(reader, "list", gun)).stdout, /^binary +[0-9a-f]{64} +7 +targets$/mu);

    const verify = ["trust", "target", "verify", gun, "binary"];
    const passed = join(reader.dockerConfig, "passed");
    const script = 'out=$1; shift; "$@" > "$out"';
    await runOk("sh", ["-c", script, "sh", passed, tagsealCommand, ...verify, "-i", binary], { env: reader.env });
    assert.deepEqual(readFileSync(passed), bytes);
    const kept = join(reader.dockerConfig, "kept");
    const piped = 'in=$1; shift; cat "$in" | "$@"';
    const keeping = [tagsealCommand, ...verify, "-o", kept];
    await runOk("sh", ["-c", piped, "sh", binary, ...keeping], { env: reader.env });
    assert.deepEqual(readFileSync(kept), bytes);
  });

  it("I9: wrong content on standard input goes nowhere", async () => {
    const gun = "example.com/refused";
    const user = newUser("refused");
    await target(user, "add", gun, "hello", file(user, "hello", "hello\n"));
    const kept = join(user.dockerConfig, "kept");
    for (const output of [[], ["-o", kept]]) {
      const refused = await user.tagseal(["trust", "target", "verify", gun, "hello", ...output], { input: "hellO\n" });
      assert.equal(refused.code, 3);
      assert.equal(refused.stdout, "");
      assert.match(refused.stderr, /METADATA_HASH_MISMATCH/u);
    }
    assert.equal(existsSync(kept), false);
  });
});
