import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { serverSettings } from "./server-settings.ts";
import { signerSettings } from "./signer-settings.ts";
import { variableFor } from "./settings.ts";
import { withVariableFiles } from "./variable-files.ts";

type Variables = Readonly<Record<string, string>>;

const files = new Map([
  ["/run/secrets/passphrase", "from a file\n"],
  ["/run/secrets/database", "postgres://tagseal:secret@db/tagseal"],
  ["/run/secrets/empty", "\n"],
]);

function read(env: Variables): Readonly<Record<string, string | undefined>> {
  return withVariableFiles(env, {
    prefixes: ["TAGSEAL_SERVER_", "TAGSEAL_SIGNER_"],
    table: serverSettings,
    readFile: (path) => {
      const content = files.get(path);
      if (content === undefined) throw new Error("no such file");
      return Buffer.from(content);
    },
  });
}

describe("variables in files", () => {
  it("are set under the name without the suffix, without the last line break", () => {
    const env = read({
      TAGSEAL_SIGNER_PASSPHRASE_FILE: "/run/secrets/passphrase",
      TAGSEAL_SERVER_STORAGE_DB_URL_FILE: "/run/secrets/database",
    });
    assert.equal(env["TAGSEAL_SIGNER_PASSPHRASE"], "from a file");
    assert.equal(env["TAGSEAL_SERVER_STORAGE_DB_URL"], "postgres://tagseal:secret@db/tagseal");
  });

  it("are not the variables of settings that are paths, nor those of other programs", () => {
    const env = { TAGSEAL_SERVER_SERVER_TLS_KEY_FILE: "/nowhere", SSL_CERT_FILE: "/nowhere", PATH: "/bin" };
    assert.deepEqual(read(env), env);
  });

  it("cannot have the name of another setting", () => {
    for (const table of [serverSettings, signerSettings]) {
      const variables = new Set(Object.keys(table).map(variableFor));
      assert.deepEqual(
        [...variables].filter((name) => variables.has(`${name}_FILE`)),
        [],
      );
    }
  });

  for (const [what, more, message] of [
    ["a missing file", { TAGSEAL_SIGNER_PASSPHRASE_FILE: "/nowhere" }, /PASSPHRASE_FILE: \/nowhere cannot be read/u],
    ["an empty file", { TAGSEAL_SIGNER_PASSPHRASE_FILE: "/run/secrets/empty" }, /\/run\/secrets\/empty is empty/u],
    [
      "a variable that is set as well",
      { TAGSEAL_SIGNER_PASSPHRASE_FILE: "/run/secrets/passphrase", TAGSEAL_SIGNER_PASSPHRASE: "another" },
      /TAGSEAL_SIGNER_PASSPHRASE is set, too/u,
    ],
  ] as const satisfies readonly (readonly [string, Variables, RegExp])[]) {
    it(`I9: are refused: ${what}`, () => {
      assert.throws(() => read(more), { code: "SERVER_CONFIGURATION", message });
    });
  }
});
