import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { passphraseOf, requirePassphrases } from "./given-passphrases.ts";

describe("missing passphrases", () => {
  const given = { byAlias: new Map([["other", "another passphrase"]]), defaultAlias: "other" };

  it("are reported together, with the variables to set", () => {
    assert.throws(() => requirePassphrases(given, ["alias1", "ALIAS2", "other"], ["alias1", "ALIAS2"]), {
      code: "PASSPHRASE_UNAVAILABLE",
      message: 'The signer was not given the passphrases "alias1", "ALIAS2"',
      hint: /^Set NOTARY_SIGNER_ALIAS1 and NOTARY_SIGNER_ALIAS2\. Keys are sealed under "alias1", "ALIAS2"\. Given: "other"\./u,
    });
  });

  it("of aliases that no shell can spell have a variable that one can", () => {
    const odd = { byAlias: new Map([["my_key_2_0", "an odd passphrase"]]) };
    assert.equal(passphraseOf(odd, "My-Key 2.0"), "an odd passphrase");
    assert.throws(() => requirePassphrases(given, ["your-key"], ["your-key"]), {
      hint: /^Set NOTARY_SIGNER_YOUR_KEY\./u,
    });
  });
});
