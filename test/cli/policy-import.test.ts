/** Policies of other tools become Tagseal's: what is written can be used, and decides as the other tool would, or refuses. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { PrivateKey } from "../../src/crypto/private-key.ts";
import { publicKeyPem } from "../../src/crypto/public-key-pem.ts";
import type { PublicKey } from "../../src/crypto/public-key.ts";
import { parseMetadata } from "../../src/tuf/notary-v1/parse.ts";
import { CliSandbox, json } from "./cli-sandbox.ts";

describe("policy import", () => {
  const stage = CliSandbox.forSuite("policy-import");
  let gun: string;
  let rootKey: PublicKey;

  before(async () => {
    gun = stage.repository();
    await stage.publish(await stage.image("1"), `${gun}:v1`);
    const trust = join(stage.sandbox.environment["DOCKER_CONFIG"] ?? "", "trust");
    const { keys, roles } = parseMetadata("root", readFileSync(join(trust, "tuf", gun, "metadata", "root.json"))).body;
    rootKey = keys.get(roles.get("root")?.keyIds?.[0] ?? "") ?? assert.fail("there is a root key");
  });

  function given(name: string, content: string | object): string {
    const path = stage.path(`${stage.fresh("given")}-${name}`);
    writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
    return path;
  }

  async function imported(format: string, file: string): Promise<string> {
    const out = stage.path(`${stage.fresh("policy")}.json`);
    await stage.ok(["policy", "import", format, file, "--out", out]);
    return out;
  }

  async function outcome(policy: string, image: string): Promise<unknown> {
    const line = ["--policy", policy, "policy", "check", "--json", image];
    return (json(await stage.run(line, { env: stage.stranger() })) as { outcome: unknown }).outcome;
  }

  function connaisseur(key: PublicKey): string {
    const pem = JSON.stringify(publicKeyPem(key));
    const host = stage.sandbox.serverUrl;
    return `application:
  validators:
    - { name: default, type: notaryv1, host: "${host}", trustRoots: [{ name: default, key: ${pem} }] }
    - { name: signers, type: notaryv1, host: "${host}", trustRoots: [{ name: default, key: ${pem} }] }
  policy:
    - pattern: "${gun}:*"
    - pattern: "${gun}/signed-by-ci:*"
      validator: signers
      with: { delegations: [ci] }
`;
  }

  it("of Connaisseur pins the root key that it names", async () => {
    const policy = await imported("connaisseur", given("values.yaml", connaisseur(rootKey.bareKey())));
    assert.equal(await outcome(policy, `${gun}:v1`), "allowed");
    await stage.publish(await stage.image("2"), `${gun}/signed-by-ci:v1`);
    assert.equal(await outcome(policy, `${gun}/signed-by-ci:v1`), "refused");
    assert.equal(await outcome(policy, `${stage.repository("team/other")}:v1`), "refused");
    const other = PrivateKey.generate("ecdsa").publicKey;
    const wrong = await imported("connaisseur", given("values.yaml", connaisseur(other)));
    assert.equal(await outcome(wrong, `${gun}:v1`), "refused");
  });

  it("of notary pins certificates, on its server", async () => {
    const pins = (id: string): object => ({
      remote_server: { url: stage.sandbox.serverUrl },
      trust_pinning: { certs: { [gun]: [id] }, disable_tofu: true },
    });
    const policy = await imported("notary", given("config.json", pins(rootKey.keyId)));
    assert.equal(await outcome(policy, `${gun}:v1`), "allowed");
    assert.equal(await outcome(policy, `${stage.repository("team/unknown")}:v1`), "refused");
    assert.equal(
      await outcome(await imported("notary", given("config.json", pins("ab".repeat(32)))), `${gun}:v1`),
      "refused",
    );
  });

  it("of notary without pins trusts on first use", async () => {
    assert.equal(await outcome(await imported("notary", given("config.json", "{}")), `${gun}:v1`), "allowed");
  });

  it("of Notation reads the trust store beside the policy", async () => {
    const directory = stage.path("notation");
    const store = join(directory, "truststore", "x509", "ca", "acme");
    mkdirSync(store, { recursive: true });
    writeFileSync(join(store, "root.crt"), rootKey.bytes);
    writeFileSync(join(store, "binary.crt"), Buffer.from([48, 0]));
    const verification = { level: "permissive" };
    const statement = { name: "all", registryScopes: ["*"], trustStores: ["ca:acme"], trustedIdentities: ["*"] };
    const policy = { version: "1.0", trustPolicies: [{ ...statement, signatureVerification: verification }] };
    writeFileSync(join(directory, "trustpolicy.json"), JSON.stringify(policy));
    const { stdout } = await stage.ok(["policy", "import", "notation", join(directory, "trustpolicy.json")]);
    assert.match(stdout, new RegExp(`"default": \\{ "roots": \\["ca:${store}/root\\.crt"\\] \\}`, "u"));
    const env = { ...stage.stranger(), XDG_CONFIG_HOME: stage.directory };
    assert.equal((await stage.ok(["policy", "import", "notation"], { env })).stdout, stdout);
  });

  it("reports as JSON, and never writes over a file without --force", async () => {
    const file = given("policy.json", { default: [{ type: "signedBy" }], transports: { dir: {} } });
    const out = stage.path("taken.json");
    const line = ["policy", "import", "containers", file, "--out", out, "--json"];
    const report = json(await stage.ok(line)) as Record<string, unknown>;
    assert.deepEqual([report["format"], report["source"], report["file"]], ["containers", file, out]);
    assert.deepEqual(report["policy"], { version: 1, default: { require: "reject" }, rules: {} });
    assert.deepEqual(
      (report["notes"] as readonly { scope: unknown }[]).map(({ scope }) => scope),
      [null, "default", "default"],
    );
    writeFileSync(out, "kept");
    const refused = await stage.run(line);
    assert.deepEqual([refused.code, refused.stdout.includes("FILE_UNWRITABLE")], [1, true]);
    assert.equal(readFileSync(out, "utf8"), "kept");
    await stage.ok([...line, "--force"]);
    assert.match(readFileSync(out, "utf8"), /^\/\/ Imported by Tagseal from .*, a policy of containers\.\n/u);
    assert.match((await stage.ok(["--policy", out, "policy", "show"])).stdout, /default +enforce +never used/u);
  });

  it("I9: writes nothing of a file that it cannot read or that Tagseal could not use", async () => {
    const out = stage.path("nothing.json");
    for (const [format, file, error] of [
      ["containers", given("policy.json", '{\n  "default": [\n'), /policy\.json:3:1: .*\[FOREIGN_POLICY_INVALID\]/su],
      ["connaisseur", given("values.yaml", "policy: [\n"), /values\.yaml:2:1: .*\[FOREIGN_POLICY_INVALID\]/su],
      ["notation", given("trustpolicy.json", "{}"), /trustpolicy\.json:1:1: .*\[FOREIGN_POLICY_INVALID\]/su],
      ["notary", given("config.json", { trust_pinning: { cert: {} } }), /\[PINNING_INVALID\]/u],
      [
        "notary",
        given("config.json", { trust_pinning: { ca: { "": "gone.pem" } } }),
        /gone\.pem.*\[POLICY_INVALID\]/su,
      ],
      ["containers", stage.path("nowhere"), /\[FILE_UNREADABLE\]/u],
      ["containers", given("policy.json", " ".repeat(5_000_000)), /\[TOO_LARGE\]/u],
    ] as const) {
      const { code, stderr, stdout } = await stage.run(["policy", "import", format, file, "--out", out]);
      assert.notEqual(code, 0, file);
      assert.match(stderr, error);
      assert.deepEqual([stdout, existsSync(out)], ["", false]);
    }
  });
});
