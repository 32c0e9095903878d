/** A new repository: users must notice it, because the name may be mistyped. */
import assert from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { PrivateKey } from "../../src/crypto/private-key.ts";
import { serialisePem } from "../../src/encoding/pem.ts";
import type { DemoImage } from "../../src/sandbox/demo-image.ts";
import { CliSandbox } from "./cli-sandbox.ts";

describe("a new repository", () => {
  const stage = CliSandbox.forSuite("new-repository");
  let image: DemoImage;
  before(async () => {
    image = await stage.image("one");
  });

  const announcement = (repository: string): RegExp =>
    new RegExp(
      `^Created a new repository: ${repository}\\n {2}trust server +https://\\S+\\n {2}root key +[0-9a-f]{64} \\(.*\\)\\n {2}root certificate +([0-9a-f]{64}) \\(.*\\)$`,
      "mu",
    );

  it("a repository that is created is announced, however quiet the command", async () => {
    const key = PrivateKey.generate("ecdsa").publicKey;
    const file = stage.path("new.pub");
    writeFileSync(file, serialisePem({ label: "PUBLIC KEY", headers: new Map(), bytes: key.bytes }));
    for (const [name, command] of [
      ["push", ["push", "--from", `oci:${image.directory}`]],
      ["push-quiet", ["push", "-q", "--from", `oci:${image.directory}`]],
      ["signer", ["trust", "signer", "add", "--key", file, "alice"]],
      ["signer-json", ["trust", "signer", "add", "--json", "--key", file, "alice"]],
    ] as const) {
      const repository = stage.repository(`new/${name}`);
      const isSigner = command[0] === "trust";
      const { stderr } = await stage.ok([...command, isSigner ? repository : `${repository}:1`]);
      const [, certificate = ""] = announcement(repository).exec(stderr) ?? [];
      assert.notEqual(certificate, "", stderr);
      const inspected = await stage.ok(["trust", "inspect", repository]);
      assert.ok(inspected.stdout.includes(certificate), "inspect shows the same certificate");
      const again = await stage
        .ok(["push", "-q", "--from", `oci:${image.directory}`, `${repository}:again`])
        .catch(() => undefined);
      assert.doesNotMatch(again?.stderr ?? "", /Created/u);
    }
  });

  it("is not created with --no-init or TAGSEAL_NO_INIT: nothing is uploaded, no key is made", async () => {
    const elsewhere = stage.repository("new/elsewhere");
    await stage.ok(["push", "--disable-content-trust", "--from", `oci:${image.directory}`, `${elsewhere}:1`]);
    const key = PrivateKey.generate("ecdsa").publicKey;
    const file = stage.path("no-init.pub");
    writeFileSync(file, serialisePem({ label: "PUBLIC KEY", headers: new Map(), bytes: key.bytes }));
    const typo = stage.repository("new/tpyo");
    for (const [name, command, code] of [
      ["push", ["push", "--from", `oci:${image.directory}`, `${typo}:1`], 2],
      ["sign", ["sign", "--from-registry", `${elsewhere}:1`], 2],
      ["trust sign", ["trust", "sign", `${elsewhere}:1`], 1],
      ["signer add", ["trust", "signer", "add", "--key", file, "alice", typo], 1],
    ] as const) {
      for (const how of ["flag", "variable"] as const) {
        const env = stage.stranger(`no-init-${name.replace(" ", "-")}-${how}`);
        const argv = how === "flag" ? [...command, "--no-init"] : command;
        const given = how === "flag" ? env : { ...env, TAGSEAL_NO_INIT: "1" };
        const refused = await stage.run(argv, { env: given });
        assert.equal(refused.code, code, `${name} ${how}: ${refused.stderr}`);
        assert.match(refused.stderr, /has no trust data on \S+, and must not be created here/u);
        assert.match(refused.stderr, /hint: Check the spelling of the name\./u);
        assert.equal(existsSync(join(given["DOCKER_CONFIG"] ?? "", "trust/private")), false, `${name} ${how}`);
      }
    }
    const absent = await stage.run(["sign", "--from-registry", `${typo}:1`]);
    assert.match(absent.stderr, /REGISTRY_NOT_FOUND/u, "the mistyped image was not uploaded");
  });

  it("--no-init changes nothing where the repository exists", async () => {
    const repository = stage.repository("new/existing");
    await stage.ok(["push", "-q", "--from", `oci:${image.directory}`, `${repository}:1`]);
    await stage.ok(["push", "-q", "--no-init", "--from", `oci:${image.directory}`, `${repository}:2`]);
    const env = { ...stage.sandbox.environment, TAGSEAL_NO_INIT: "maybe" };
    const unclear = await stage.run(["sign", "--from-registry", `${repository}:2`], { env });
    assert.match(unclear.stderr, /^TAGSEAL_NO_INIT is "maybe", which is neither true nor false/mu);
  });

  it("is announced by sign, and by trust sign, too", async () => {
    for (const [name, flags] of [
      ["sign", ["sign", "-q", "--from-registry"]],
      ["sign-json", ["sign", "--json", "--from-registry"]],
    ] as const) {
      const repository = stage.repository(`new/${name}`);
      await stage.ok(["push", "--disable-content-trust", "--from", `oci:${image.directory}`, `${repository}:1`]);
      const { stderr } = await stage.ok([...flags, `${repository}:1`]);
      assert.match(stderr, announcement(repository));
    }
  });
});
