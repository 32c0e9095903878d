import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { temporaryDirectory } from "../../../test/support/temporary-directory.ts";
import { existingPassphrases, firstPassphrases } from "./signer-passphrases.ts";
import { passphraseOf } from "./given-passphrases.ts";

function temporaryFile(t: TestContext): string {
  const directory = temporaryDirectory(t);
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

  it("is not made when several processes share the keys, which have no file", () => {
    assert.throws(() => firstPassphrases({}), { code: "PASSPHRASE_UNAVAILABLE" });
  });

  it("is reported when it cannot be read", (t) => {
    assert.throws(() => existingPassphrases({ file: join(temporaryFile(t), "..") }), { code: "SERVER_CONFIGURATION" });
  });
});

describe("the alias for new keys", () => {
  const byAlias = (...aliases: string[]): ReadonlyMap<string, string> =>
    new Map(aliases.map((alias) => [alias, `passphrase of ${alias}`]));

  it("is the one that keys are sealed under, when the operator has not named one", () => {
    assert.equal(firstPassphrases({ given: { byAlias: byAlias("alias1") } }, ["ALIAS1"]).defaultAlias, "ALIAS1");
    const two = { given: { byAlias: byAlias("alias1", "alias2") } };
    assert.equal(firstPassphrases(two, ["alias2", "alias1"]).defaultAlias, "alias2");
  });

  it("is `default` when that has a passphrase, and the only given one when there are no keys", (t) => {
    const given = { byAlias: byAlias("alias1", "default") };
    assert.equal(existingPassphrases({ given }, ["alias1"]).defaultAlias, "default");
    assert.equal(firstPassphrases({ given: { byAlias: byAlias("alias1") } }).defaultAlias, "alias1");
    assert.equal(firstPassphrases({ file: temporaryFile(t) }).defaultAlias, "default");
  });

  it("is not guessed among several", () => {
    assert.throws(() => firstPassphrases({ given: { byAlias: byAlias("a", "b") } }), {
      code: "PASSPHRASE_UNAVAILABLE",
      hint: /NOTARY_SIGNER_DEFAULT_ALIAS=a .* Given: "a", "b"\./u,
    });
  });

  it("is not replaced by another when it is named and has no passphrase", () => {
    assert.throws(() => firstPassphrases({ given: { byAlias: byAlias("alias1"), defaultAlias: "new" } }, ["alias1"]), {
      code: "PASSPHRASE_UNAVAILABLE",
      message: 'The signer was not given the passphrase "new"',
      hint: /^Set NOTARY_SIGNER_DEFAULT_ALIAS=alias1 .*, or set NOTARY_SIGNER_NEW\. Keys are sealed under "alias1"\./u,
    });
  });
});
