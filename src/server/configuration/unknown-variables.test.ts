import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { nearestWord } from "../../cli/help/suggestion.ts";
import { signerPassphrases } from "./passphrase-variables.ts";
import { unknownVariables } from "./unknown-variables.ts";

const unknown = (env: Readonly<Record<string, string>>) => unknownVariables(env, nearestWord);

describe("a variable that is not a setting", () => {
  for (const [variable, meant] of [
    ["NOTARY_SERVER_STORGE_DB_URL", "NOTARY_SERVER_STORAGE_DB_URL"],
    ["TAGSEAL_SERVER_AUTH_HTPASWD", "TAGSEAL_SERVER_AUTH_HTPASSWD"],
    ["TAGSEAL_SIGNER_PASSPHRAZE", "TAGSEAL_SIGNER_PASSPHRASE"],
    ["NOTARY_SIGNER_DEFAULT_ALAIS", "NOTARY_SIGNER_DEFAULT_ALIAS"],
    ["NOTARY_SIGNER_STORAGE_DBURL", "NOTARY_SIGNER_STORAGE_DB_URL"],
    ["TAGSEAL_SEVER_STORAGE_DB_URL", "TAGSEAL_SERVER_STORAGE_DB_URL"],
    ["tagseal_server_storage_db_url", "TAGSEAL_SERVER_STORAGE_DB_URL"],
    ["TAGSEAL_SERVER_STORGE_DB_URL_FILE", "TAGSEAL_SERVER_STORAGE_DB_URL_FILE"],
    ["TAGSEAL_SERVER_FROBNICATION", undefined],
  ] as const) {
    it(`is noticed, ${variable} for instance`, () => {
      const [found, ...others] = unknown({ [variable]: "x" });
      assert.equal(found?.variable, variable);
      assert.equal(found.meant, meant);
      assert.deepEqual(others, []);
    });
  }

  it("is not reported when it has a meaning, comes from Kubernetes, or is empty", () => {
    const env = {
      TAGSEAL_SERVER_STORAGE_DB_URL_FILE: "/run/secrets/url",
      NOTARY_SERVER_REPORTING_BUGSNAG_API_KEY: "k",
      NOTARY_SIGNER_ALIAS1: "a passphrase",
      NOTARY_SIGNER_timestamp_1: "another",
      NOTARY_SIGNER_ALIAS1_FILE: "/run/secrets/alias1",
      TAGSEAL_SIGNER_PASSPHRASE_FILE: "/run/secrets/passphrase",
      TAGSEAL_SERVER_STORGE_DB_URL: "",
      TAGSEAL_SERVER_PORT: "tcp://10.0.0.1:4443",
      TAGSEAL_SERVER_PORT_4443_TCP_ADDR: "10.0.0.1",
      NOTARY_SERVER_SERVICE_PORT_HTTPS: "4443",
      DOCKER_CONTENT_TRUST_SERVER: "https://trust.example.com",
      NOTARY_ROOT_PASSPHRASE: "x",
    };
    assert.deepEqual(unknown(env), []);
  });

  it("from Kubernetes is not a passphrase either", () => {
    const links = { NOTARY_SIGNER_SERVICE_HOST: "10.0.0.1", NOTARY_SIGNER_PORT: "tcp://10.0.0.1:7899" };
    assert.equal(signerPassphrases(links, undefined), undefined);
    const aliases = signerPassphrases({ ...links, NOTARY_SIGNER_ALIAS1: "a passphrase" }, undefined)?.byAlias;
    assert.deepEqual([...(aliases ?? [])], [["alias1", "a passphrase"]]);
  });
});
