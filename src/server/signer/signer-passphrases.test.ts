import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { existingPassphrases, firstPassphrases, passphraseOf } from "./signer-passphrases.ts";

function temporaryFile(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), "tagseal-passphrases-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return join(directory, "signer.passphrase");
}

describe("a passphrase file beside given passphrases", () => {
  const given = { byAlias: new Map([["ALIAS1", "the first passphrase"]]), defaultAlias: "alias1" };

  it("adds the alias `default`: keys from before aliases still open", (t) => {
    const file = temporaryFile(t);
    writeFileSync(file, "the generated passphrase\n");
    const passphrases = existingPassphrases({ given, file });
    assert.equal(passphraseOf(passphrases, "default"), "the generated passphrase");
    assert.equal(passphraseOf(passphrases, "alias1"), "the first passphrase");
  });

  it("does not stand in for a passphrase that is given", (t) => {
    const file = temporaryFile(t);
    writeFileSync(file, "the generated passphrase\n");
    const byAlias = new Map([["DEFAULT", "the given passphrase"]]);
    assert.equal(
      passphraseOf(existingPassphrases({ given: { ...given, byAlias }, file }), "default"),
      "the given passphrase",
    );
  });

  it("is not made for another alias than `default`", (t) => {
    const file = temporaryFile(t);
    const byAlias = new Map([["OTHER", "another passphrase"]]);
    assert.throws(() => firstPassphrases({ given: { byAlias, defaultAlias: "alias1" }, file }), {
      code: "PASSPHRASE_UNAVAILABLE",
      hint: /NOTARY_SIGNER_ALIAS1/u,
    });
    assert.throws(() => readFileSync(file), { code: "ENOENT" });
  });

  it("is not made where several processes share the keys, which have no file", () => {
    assert.throws(() => firstPassphrases({}), { code: "PASSPHRASE_UNAVAILABLE" });
  });

  it("says so when it cannot be read", (t) => {
    assert.throws(() => existingPassphrases({ file: join(temporaryFile(t), "..") }), { code: "SERVER_CONFIGURATION" });
  });
});
