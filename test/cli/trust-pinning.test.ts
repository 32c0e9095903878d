/** First contact with pins: an attacker who controls the trust server, and has made the repository again with other keys. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { deleteCollection } from "../support/delete-collection.ts";
import { CliSandbox, json, type Outcome } from "./cli-sandbox.ts";

describe("pins for first contact", () => {
  const stage = CliSandbox.forSuite("trust-pinning");
  let gun: string;
  let image: string;
  /** the certificate ID of the publisher's root */
  let honest: string;

  /** A machine that never saw the repository verifies it, with a file of these pins. */
  async function firstContact(pins: unknown, line: readonly string[] = ["verify", image]): Promise<Outcome> {
    const path = stage.path("pins.json");
    writeFileSync(path, JSON.stringify({ trust_pinning: pins }));
    return await stage.run(["--trust-pinning", path, ...line], { env: stage.stranger() });
  }

  before(async () => {
    gun = stage.repository();
    image = `${gun}:v1`;
    await stage.publish(await stage.image("1"), image);
    const [inspected] = json(await stage.ok(["trust", "inspect", gun])) as [
      { readonly AdministrativeKeys: readonly { readonly Name: string; readonly Keys: readonly { ID: string }[] }[] },
    ];
    const root = inspected.AdministrativeKeys.find(({ Name }) => Name === "Root");
    honest = root?.Keys[0]?.ID ?? assert.fail("the root has a key");
  });

  it("take the publisher's root without a word about first use", async () => {
    const { code, stderr } = await firstContact({ certs: { [gun]: [honest] }, disable_tofu: true });
    assert.deepEqual([code, stderr], [0, ""]);
    const prefix = await firstContact({ certs: { [`${stage.sandbox.registryHost}/*`]: [honest] } });
    assert.deepEqual([prefix.code, prefix.stderr], [0, ""]);
  });

  it("refuse a repository that no pin is about, once first use is switched off; announce its root otherwise", async () => {
    const { code, stdout, stderr } = await firstContact({ certs: { "docker.io/a/b": [honest] }, disable_tofu: true });
    assert.deepEqual([code, stdout], [3, ""]);
    assert.match(stderr, /no pinning covers \S+\/team\/app.*\[ROOT_PINNING_MISMATCH\]/su);
    const tofu = await firstContact({ certs: { "docker.io/a/b": [honest] } });
    assert.equal(tofu.code, 0);
    assert.match(tofu.stderr, new RegExp(honest, "u"));
  });

  it("come from the variable as well; the flag wins, and a file that cannot count ends every command", async () => {
    const env = { ...stage.stranger("variable"), TAGSEAL_TRUST_PINNING: stage.path("nowhere.json") };
    for (const line of [
      ["verify", image],
      ["list", gun],
      ["trust", "inspect", gun],
      ["pull", "--to", `oci:${stage.path("out")}`, image],
      ["sign", "--from-registry", image],
    ]) {
      const { code, stderr } = await stage.run(line, { env });
      assert.deepEqual([line, code], [line, 1]);
      assert.match(stderr, /cannot read the pins in \S+nowhere\.json: no such file.*\[FILE_UNREADABLE\]/su);
    }
    writeFileSync(stage.path("good.json"), JSON.stringify({ trust_pinning: { certs: { [gun]: [honest] } } }));
    await stage.ok(["--trust-pinning", stage.path("good.json"), "verify", image], { env });
    const typo = await firstContact({ disable_tofo: true });
    assert.equal(typo.code, 1);
    assert.match(typo.stderr, /unknown member "disable_tofo"\nhint: .*\[PINNING_INVALID\]/su);
  });

  it("I9: that are asked for without a file's name, as an unset variable of a script does, are refused", async () => {
    const env = stage.stranger("no-name");
    for (const [line, variables] of [
      [["--trust-pinning", "", "verify", image], env],
      [["--trust-pinning=", "list", gun], env],
      [["verify", image], { ...env, TAGSEAL_TRUST_PINNING: "" }],
    ] as const) {
      const { code, stdout, stderr } = await stage.run(line, { env: variables });
      assert.deepEqual([line, code, stdout], [line, 1, ""]);
      assert.match(stderr, /no file with pins is named.*\[PINNING_INVALID\]/su);
    }
  });

  describe("after an attacker made the repository again with other keys", () => {
    before(async () => {
      const { serverUrl, environment } = stage.sandbox;
      const ca = join(environment["DOCKER_CONFIG"] ?? "", "tls", new URL(serverUrl).host, "ca.crt");
      await deleteCollection(serverUrl, gun, ca);
      await stage.ok(["sign", "-q", "--from-registry", image], { env: stage.stranger("attacker") });
    });

    it("let nothing through, and name the certificate that was presented", async () => {
      const { code, stdout, stderr } = await firstContact({ certs: { [gun]: [honest] } });
      assert.deepEqual([code, stdout], [3, ""]);
      assert.match(stderr, /unable to match any certificates to trust_pinning config/u);
      assert.match(stderr, /has the certificates [0-9a-f]{64}; none of them is pinned.*\[ROOT_PINNING_MISMATCH\]/su);
      assert.equal((await firstContact({ certs: { [`${stage.sandbox.registryHost}/*`]: [honest] } })).code, 3);
      assert.equal((await firstContact({ certs: { [gun]: [] } })).code, 3);
    });

    it("are needed: without them this is trust on first use", async () => {
      assert.equal((await firstContact({})).code, 0);
    });
  });
});
