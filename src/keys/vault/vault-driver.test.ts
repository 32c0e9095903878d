/** Against a server of ours with the three calls of Vault's transit engine; the signatures are real. */
import assert from "node:assert/strict";
import { constants, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { createServer } from "node:http";
import { type AddressInfo } from "node:net";
import { after, before, describe, it } from "node:test";
import { checkedKey } from "../external/checked-key.ts";
import { VaultDriver } from "./vault-driver.ts";

interface Pair {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

const pairs: Readonly<Record<string, () => Pair>> = {
  "ecdsa-p256": () => generateKeyPairSync("ec", { namedCurve: "P-256" }),
  "rsa-3072": () => generateKeyPairSync("rsa", { modulusLength: 3072 }),
  ed25519: () => generateKeyPairSync("ed25519"),
};

describe("keys of Vault", () => {
  const keys = new Map<string, { readonly type: string; readonly versions: Pair[] }>();
  const seen: { readonly method: string; readonly path: string; readonly authorization: string | undefined }[] = [];
  let answerOtherwise: { readonly status: number; readonly body: string } | undefined;
  let env: Record<string, string>;

  function answer(method: string, path: string, body: Record<string, unknown>): { status: number; data?: object } {
    const [, action = "", name = ""] = /^\/v1\/transit\/(keys|sign)(?:\/([\w-]+))?(?:\?list=true)?$/u.exec(path) ?? [];
    const found = keys.get(name);
    if (action === "keys" && name === "") return { status: 200, data: { keys: [...keys.keys()] } };
    if (action === "keys" && method === "POST") {
      const type = String(body["type"]);
      keys.set(name, found ?? { type, versions: [pairs[type]?.() ?? assert.fail(type)] });
      return { status: 204 };
    }
    if (found === undefined) return { status: 404 };
    if (action === "keys") return { status: 200, data: describeKey(found.type, found.versions) };
    const version = Number(body["key_version"]);
    const { privateKey: key } = found.versions[version - 1] ?? assert.fail();
    const payload = Buffer.from(String(body["input"]), "base64");
    const pss = { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: body["salt_length"] === "hash" ? 32 : 20 };
    const value =
      found.type === "ed25519"
        ? sign(null, payload, key)
        : sign("sha256", payload, found.type === "rsa-3072" ? pss : key);
    return { status: 200, data: { signature: `vault:v${version}:${value.toString("base64")}` } };
  }

  function describeKey(type: string, versions: readonly Pair[]): object {
    const text = ({ publicKey }: Pair): string =>
      type === "ed25519"
        ? publicKey.export({ format: "der", type: "spki" }).subarray(-32).toString("base64")
        : publicKey.export({ format: "pem", type: "spki" }).toString();
    const entries = versions.map((pair, index) => [String(index + 1), { public_key: text(pair) }]);
    return { type, latest_version: versions.length, keys: Object.fromEntries(entries) };
  }

  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { method = "", url = "", headers } = request;
      seen.push({ method, path: url, authorization: headers.authorization });
      const text = Buffer.concat(chunks).toString();
      const { status, data } = answer(method, url, text === "" ? {} : (JSON.parse(text) as Record<string, unknown>));
      response.writeHead(answerOtherwise?.status ?? status);
      response.end(answerOtherwise?.body ?? (data === undefined ? "" : JSON.stringify({ data })));
    });
  });

  before(async () => {
    await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
    env = {
      VAULT_ADDR: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      VAULT_TOKEN: "hvs.token",
      HOME: "/nowhere",
    };
  });
  after(() => void server.close());

  const driver = (): VaultDriver => new VaultDriver({ env });

  for (const algorithm of ["ecdsa", "rsa", "ed25519"] as const) {
    it(`are made for ${algorithm}, found again, and sign what verifies`, async () => {
      const made = await driver().generate("vault:transit", { label: `new-${algorithm}`, algorithm });
      assert.equal(made.uri, `vault:transit/new-${algorithm}?version=1`);
      const found = await driver().find(made.uri);
      const payload = Buffer.from("payload");
      const { value } = await checkedKey(found, made.publicKey).sign(payload);
      assert.ok(value.length > 0);
      assert.equal(made.publicKey.keyType, algorithm);
    });
  }

  it("stay the linked version when they are rotated in Vault", async () => {
    const made = await driver().generate("vault:transit/turned", { label: "x", algorithm: "ecdsa" });
    keys.get("turned")?.versions.push(generateKeyPairSync("ec", { namedCurve: "P-256" }));
    const linked = await driver().find(made.uri);
    assert.equal(linked.publicKey.keyId, made.publicKey.keyId);
    await checkedKey(linked, made.publicKey).sign(Buffer.from("payload"));
    assert.equal((await driver().find("vault:transit/turned")).uri, "vault:transit/turned?version=2");
  });

  it("are not made a second time, and those that only encrypt are not listed", async () => {
    await driver().generate("vault:transit/once", { label: "x", algorithm: "ecdsa" });
    await assert.rejects(driver().generate("vault:transit/once", { label: "x", algorithm: "ecdsa" }), {
      code: "KEY_EXISTS",
    });
    assert.ok((await driver().list("vault:transit")).some(({ uri }) => uri === "vault:transit/once?version=1"));
    await assert.rejects(driver().find("vault:transit/nobody"), { code: "KEY_NOT_FOUND" });
    await assert.rejects(driver().find("vault:transit/once?version=9"), { code: "KEY_NOT_FOUND" });
  });

  it("I6: get the token as a bearer's, which no redirect carries elsewhere", async () => {
    await driver().list("vault:transit");
    assert.ok(seen.every(({ authorization }) => authorization === "Bearer hvs.token"));
  });

  for (const [what, status, body, code] of [
    ["denies", 403, `{"errors":["permission denied"]}`, "KEY_SERVICE_UNAVAILABLE"],
    ["is sealed", 503, `{"errors":["Vault is sealed"]}`, "KEY_SERVICE_UNAVAILABLE"],
    ["fails", 500, `{"errors":["internal"]}`, "KEY_SERVICE_FAILED"],
    ["answers text", 200, "hello", "KEY_SERVICE_FAILED"],
    ["answers without a version", 200, `{"data":{"keys":{}}}`, "KEY_SERVICE_FAILED"],
    ["has a key that only encrypts", 200, `{"data":{"latest_version":1,"keys":{"1":1700000000}}}`, "KEY_UNSUPPORTED"],
    [
      "has a damaged key",
      200,
      `{"data":{"latest_version":1,"keys":{"1":{"public_key":"-----BEGIN"}}}}`,
      "PEM_MALFORMED",
    ],
  ] as const) {
    it(`fail with ${code} when Vault ${what}`, async () => {
      answerOtherwise = { status, body };
      try {
        await assert.rejects(driver().find("vault:transit/k"), { code });
      } finally {
        answerOtherwise = undefined;
      }
    });
  }

  it("need an address and a token, and a URI that leads nowhere else", async () => {
    const without = (more: Record<string, string>): VaultDriver => new VaultDriver({ env: { ...env, ...more } });
    await assert.rejects(without({ VAULT_TOKEN: "" }).find("vault:transit/k"), { code: "KEY_SERVICE_UNAVAILABLE" });
    await assert.rejects(without({ VAULT_ADDR: "ftp://x" }).find("vault:transit/k"), {
      code: "KEY_SERVICE_UNAVAILABLE",
    });
    await assert.rejects(without({ VAULT_ADDR: "https://vault.invalid" }).find("vault:transit/k"), {
      code: "KEY_SERVICE_UNAVAILABLE",
    });
    await assert.rejects(without({ VAULT_ADDR: "http://vault.invalid" }).find("vault:transit/k"), {
      code: "KEY_SERVICE_UNAVAILABLE",
      message: "Vault at vault.invalid is not asked without TLS: its token would be readable",
    });
    for (const uri of [
      "vault:",
      "vault:transit/../sys",
      "vault:transit//k",
      "vault:transit/k?version=x",
      "vault:transit",
    ])
      await assert.rejects(driver().find(uri), { code: "KEY_URI_INVALID" });
  });
});
