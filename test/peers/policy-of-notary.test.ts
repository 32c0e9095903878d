/** Pins that the real `notary` obeys, imported as a policy: both trust and refuse the same repositories on first contact. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, after, describe, it } from "node:test";
import { PrivateKey } from "../../src/crypto/private-key.ts";
import { createRootCertificate } from "../../src/crypto/root-certificate.ts";
import { parseMetadata } from "../../src/tuf/notary-v1/parse.ts";
import { client, missingPeers, Scope, startTagsealServer, type TrustServer } from "../support/peers.ts";

const skip = missingPeers(["notary", "openssl"]);
const [gun, host] = ["registry.example.com/team/app", "registry.example.com"];
const otherId = "ab".repeat(32);

interface Pins {
  readonly certs?: Readonly<Record<string, readonly string[]>>;
  readonly ca?: Readonly<Record<string, string>>;
  readonly disable_tofu?: boolean;
}

describe("a policy imported from notary", { skip }, () => {
  const scope = new Scope("policy-of-notary");
  let server: TrustServer;
  let id: string;
  let users = 0;

  before(async () => {
    server = await startTagsealServer(scope);
    const publisher = client(scope, { server, name: "publisher" });
    const content = join(publisher.dockerConfig, "content");
    writeFileSync(content, "hello\n");
    await publisher.notaryOk(["init", gun, "-p"]);
    await publisher.notaryOk(["add", "-p", gun, "v1", content]);
    const root = readFileSync(join(publisher.trustDirectory, "tuf", gun, "metadata", "root.json"));
    const { roles } = parseMetadata("root", root).body;
    id = roles.get("root")?.keyIds?.[0] ?? assert.fail("there is a root key");
    const other = await createRootCertificate(PrivateKey.generate("ecdsa"), "other", new Date());
    writeFileSync(scope.path("other.pem"), other);
  });
  after(async () => await scope.close());

  async function trustedBy(pins: Pins): Promise<{ readonly notary: boolean; readonly tagseal: boolean }> {
    users += 1;
    const configuration = scope.path(`config-${users}.json`);
    const remote = { url: server.url, root_ca: server.ca };
    writeFileSync(configuration, JSON.stringify({ remote_server: remote, trust_pinning: pins }));
    const theirs = client(scope, { server, name: `notary-${users}` });
    const ours = client(scope, { server, name: `tagseal-${users}` });
    const policy = scope.path(`policy-${users}.json`);
    await ours.tagsealOk(["policy", "import", "notary", configuration, "--out", policy]);
    const listed = await theirs.notary(["-c", configuration, "list", gun]);
    const checked = await ours.tagseal(["--policy", policy, "policy", "check", `${gun}:v1`]);
    return { notary: listed.code === 0, tagseal: checked.code === 0 };
  }

  const rows: readonly (readonly [what: string, pins: () => Pins, isTrusted: boolean])[] = [
    ["no pin", () => ({}), true],
    ["no pin, without first use", () => ({ disable_tofu: true }), false],
    ["the certificate", () => ({ certs: { [gun]: [id] }, disable_tofu: true }), true],
    ["another certificate", () => ({ certs: { [gun]: [otherId] } }), false],
    ["one of two certificates", () => ({ certs: { [gun]: [otherId, id] } }), true],
    ["the certificate for a path", () => ({ certs: { [`${host}/team/*`]: [id] }, disable_tofu: true }), true],
    ["another certificate for a host", () => ({ certs: { [`${host}/*`]: [otherId] } }), false],
    ["the name before its path", () => ({ certs: { [`${host}/*`]: [otherId], [gun]: [id] } }), true],
    ["an authority that issued another", () => ({ ca: { [`${host}/`]: scope.path("other.pem") } }), false],
    [
      "a certificate for a host before an authority for a path",
      () => ({ certs: { [`${host}/*`]: [id] }, ca: { [`${host}/team/`]: scope.path("other.pem") } }),
      true,
    ],
  ];
  for (const [what, pins, isTrusted] of rows)
    it(`agrees about ${what}`, async () => {
      assert.deepEqual(await trustedBy(pins()), { notary: isTrusted, tagseal: isTrusted });
    });
});
