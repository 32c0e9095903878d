/** Signed files that are not images: `tagseal trust target …`. */
import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { before, describe, it } from "node:test";
import { sha256Hex } from "../../src/crypto/sha256.ts";
import { CliSandbox, json } from "./cli-sandbox.ts";

const hello = "hello\n";
const helloSha256 = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";

describe("trust target", () => {
  const stage = CliSandbox.forSuite("targets");
  let gun: string;
  const file = (name: string, content: string): string => {
    const path = stage.path(name);
    writeFileSync(path, content);
    return path;
  };
  const target = (...words: readonly string[]) => stage.run(["trust", "target", ...words]);
  const targetOk = (...words: readonly string[]) => stage.ok(["trust", "target", ...words]);
  const names = async (...words: readonly string[]): Promise<unknown> =>
    (json(await targetOk("list", "--json", ...words)) as { name: string }[]).map(({ name }) => name);

  before(async () => {
    gun = stage.repository("files");
    const created = await targetOk("add", gun, "docs/hello.txt", file("hello.txt", hello));
    assert.match(created.stderr, /^Created a new repository/mu);
    assert.equal(created.stdout, `Signed target "docs/hello.txt" in targets of ${gun}\n`);
  });

  it("lists and looks up what was added, in notary's columns", async () => {
    const { stdout } = await targetOk("list", gun);
    assert.match(stdout, /^NAME +DIGEST +SIZE \(BYTES\) +ROLE$/mu);
    assert.match(stdout, new RegExp(`^docs/hello.txt +${helloSha256} +6 +targets$`, "mu"));
    const { stdout: found } = await targetOk("lookup", gun, "docs/hello.txt");
    assert.equal(found, `docs/hello.txt sha256:${helloSha256} 6\n`);
    const shown = json(await targetOk("lookup", "--json", gun, "docs/hello.txt")) as { hashes: Record<string, string> };
    assert.deepEqual(Object.keys(shown.hashes).sort(), ["sha256", "sha512"]);
  });

  it("passes on content that is what was signed, to standard output, to a file, or nowhere", async () => {
    const input = file("right.txt", hello);
    const output = stage.path("verified.txt");
    assert.equal((await targetOk("verify", "-i", input, gun, "docs/hello.txt")).stdout, hello);
    assert.equal((await targetOk("verify", "-i", input, "-o", output, gun, "docs/hello.txt")).stdout, "");
    assert.equal(readFileSync(output, "utf8"), hello);
    assert.equal((await targetOk("verify", "-q", "-i", input, gun, "docs/hello.txt")).stdout, "");
    const shown = json(await targetOk("verify", "--json", "-i", input, gun, "docs/hello.txt"));
    assert.equal((shown as { length: number }).length, 6);
  });

  for (const [what, content, code] of [
    ["other", "hellO\n", "METADATA_HASH_MISMATCH"],
    ["shorter", "hello", "METADATA_LENGTH_MISMATCH"],
    ["longer", "hello\nhello\n", "METADATA_LENGTH_MISMATCH"],
  ] as const) {
    it(`I9: writes nothing for ${what} content, and exits with 3`, async () => {
      const input = file(`${what}.txt`, content);
      const absent = stage.path(`${what}.out`);
      const present = file(`${what}.kept`, "as it was");
      for (const to of [[], ["-o", absent], ["-o", present]]) {
        const refused = await target("verify", "-i", input, ...to, gun, "docs/hello.txt");
        assert.equal(refused.code, 3, refused.stderr);
        assert.equal(refused.stdout, "");
        assert.match(refused.stderr, new RegExp(`\\[${code}\\]`, "u"));
      }
      assert.equal(existsSync(absent), false);
      assert.equal(readFileSync(present, "utf8"), "as it was");
    });
  }

  it("signs what the flags say, and every hash must be right", async () => {
    const size = ["--size", "6", "--sha256", helloSha256.toUpperCase()];
    const custom = file("custom.json", '{"built":{"by":"ci","number":7}}');
    await targetOk("add", ...size, "--custom", custom, gun, "by-hash");
    const shown = json(await targetOk("lookup", "--json", gun, "by-hash")) as Record<string, unknown>;
    assert.deepEqual(shown["hashes"], { sha256: helloSha256 });
    assert.deepEqual(shown["custom"], { built: { by: "ci", number: 7 } });
    await targetOk("add", ...size, "--sha512", "0".repeat(128), gun, "half-right");
    const refused = await target("verify", "-i", file("half.txt", hello), gun, "half-right");
    assert.equal(refused.code, 3);
    assert.match(refused.stderr, /sha512 checksum/u);
    assert.equal(refused.stdout, "");
  });

  it("replaces an entry, and removes it", async () => {
    const one = json(await targetOk("add", "--json", gun, "moved", file("one", "1"))) as Record<string, unknown>;
    assert.deepEqual([one["roles"], one["length"], one["initialised"]], [["targets"], 1, false]);
    await targetOk("add", gun, "moved", file("two", "22"));
    assert.equal((await targetOk("lookup", gun, "moved")).stdout, `moved sha256:${sha256Hex(Buffer.from("22"))} 2\n`);
    await targetOk("remove", gun, "moved");
    for (const command of ["lookup", "remove"]) {
      const absent = await target(command, gun, "moved");
      assert.equal(absent.code, 2);
      assert.match(absent.stderr, /No valid trust data for moved[\s\S]*tagseal trust target list/u);
    }
  });

  it("signs in several roles, lists one of them, and says where a removed name is still signed", async () => {
    const delegated = stage.repository("delegated");
    await stage.ok(["trust", "key", "generate", "alice", "--dir", stage.directory]);
    await stage.ok(["trust", "signer", "add", "--key", stage.path("alice.pub"), "alice", delegated]);
    const input = file("both.txt", hello);
    await targetOk("add", "-r", "targets", "-r", "targets/releases", delegated, "both", input);
    await targetOk("add", "-r", "targets/alice", delegated, "hers", input);
    assert.deepEqual(await names(delegated), ["both", "hers"]);
    assert.deepEqual(await names("-r", "targets/releases", delegated), ["both"]);
    const removed = await targetOk("remove", delegated, "both");
    assert.match(removed.stderr, /both is still signed, in targets\/releases/u);
    const again = await target("remove", delegated, "both");
    assert.match(again.stderr, /hint: It is in targets\/releases: give --role targets\/releases/u);
    const { stdout } = await targetOk("remove", "--json", "--role", "targets/releases", delegated, "both");
    assert.match(stdout, /"stillIn": null/u);
    const unknown = await target("add", "--role", "targets/nobody", delegated, "x", input);
    assert.match(unknown.stderr, /METADATA_ROLE_UNKNOWN/u);
    assert.deepEqual(await names(delegated), ["hers"]);
  });

  it("refuses what it cannot sign before it asks for a passphrase", async () => {
    const input = file("any.txt", hello);
    const nothing = file("null.json", "null");
    const hash = ["--sha256", helloSha256];
    for (const [words, code, said] of [
      [["add", `${gun}:1`, "x", input], 1, /has a tag or a digest/u],
      [["add", "EXAMPLE.com/Files", "x", input], 1, /REFERENCE_INVALID/u],
      [["add", "--role", "snapshot", gun, "x", input], 1, /targets or targets\/NAME/u],
      [["add", "--size", "6", gun, "x", input], 1, /cannot be combined/u],
      [["add", gun, "x"], 1, /a FILE is needed, or --sha256 and --size/u],
      [["add", ...hash, "--size", "six", gun, "x"], 1, /--size takes a number of bytes/u],
      [["add", "--sha256", "abc", "--size", "6", gun, "x"], 1, /64 hexadecimal/u],
      [["add", "--custom", nothing, gun, "x", input], 1, /null means no custom data/u],
      [["add", gun, "x", stage.path("absent")], 1, /no such file or directory/u],
      [["add", gun, "../x", input], 3, /METADATA_MALFORMED/u],
      [["add", gun, "x\u001b[2J", input], 3, /METADATA_MALFORMED/u],
      [["add", "--no-init", stage.repository("tpyo"), "x", input], 2, /REPOSITORY_NOT_SIGNED/u],
      [["list", stage.repository("tpyo")], 2, /REPOSITORY_NOT_SIGNED/u],
    ] as const) {
      const refused = await target(...words);
      assert.equal(refused.code, code, `${words.join(" ")}: ${refused.stderr}`);
      assert.match(refused.stderr, said);
    }
  });
});
