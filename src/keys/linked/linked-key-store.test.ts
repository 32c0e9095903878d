import assert from "node:assert/strict";
import { chmodSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { modeOf } from "../../../test/support/file-mode.ts";
import { keyStoreContract } from "../../../test/contract/key-store.ts";
import { MemoryKeyDriver } from "../../../test/support/memory-key-driver.ts";
import { temporaryDirectory } from "../../../test/support/temporary-directory.ts";
import { PrivateKey } from "../../crypto/private-key.ts";
import { verifySignature } from "../../crypto/signature.ts";
import { LinkedKeyStore } from "./linked-key-store.ts";

const scratch = temporaryDirectory();
const payload = Buffer.from("payload");
let count = 0;

function world(makes = true) {
  const driver = new MemoryKeyDriver();
  const directory = join(scratch, String(++count), "linked-keys");
  const warnings: string[] = [];
  const open = (): LinkedKeyStore =>
    new LinkedKeyStore({
      directory,
      driverFor: async () => driver,
      onWarning: (warning) => warnings.push(warning),
      ...(makes ? { makesAt: { uri: "pkcs11:" } } : {}),
    });
  return { driver, directory, warnings, open, store: open() };
}

async function made({ store, directory }: ReturnType<typeof world>, role = "root") {
  const key = (await store.make({ role }, "ecdsa")) ?? assert.fail("the driver makes keys");
  const { keyId } = key.publicKey;
  const uri = (await store.find(keyId))?.uri ?? assert.fail("it is linked");
  return { keyId, uri, path: join(directory, `${keyId}.json`) };
}

keyStoreContract("linked keys", async () => world().store);

describe("linked keys", () => {
  it("are remembered in private files, and found again by another process", async () => {
    const here = world();
    const { keyId, uri, path } = await made(here);
    assert.equal(modeOf(path), 0o600);
    assert.equal(modeOf(here.directory), 0o700);
    assert.deepEqual(await here.open().list(), [{ keyId, role: "root", gun: undefined, location: uri, uri }]);
    const key = (await here.open().signingKey(keyId)) ?? assert.fail("it signs");
    assert.ok(verifySignature(key.publicKey, { keyId, ...(await key.sign(payload)) }, payload));
  });

  it("need no driver to be listed and found", async () => {
    const here = world();
    const { keyId } = await made(here);
    const before = here.driver.found.length;
    const again = here.open();
    await again.list();
    await again.find(keyId);
    await again.keptFor(["root"]);
    assert.equal(here.driver.found.length, before);
  });

  it("are not made where no place was chosen", async () => {
    const { store, driver } = world(false);
    assert.equal(await store.make({ role: "root" }, "ecdsa"), undefined);
    assert.deepEqual(await driver.list(), []);
  });

  it("are not used when another key is at the URI", async () => {
    const here = world();
    const { keyId, uri } = await made(here);
    here.driver.put(uri, PrivateKey.generate("ecdsa"));
    await assert.rejects(here.open().signingKey(keyId), { code: "KEY_CHANGED" });
  });

  it("hand out no signature that does not verify", async () => {
    const here = world();
    const { keyId, uri } = await made(here);
    const { publicKey } = (await here.store.signingKey(keyId)) ?? assert.fail();
    const other = PrivateKey.generate("ecdsa");
    here.driver.put(uri, { publicKey, sign: async (bytes) => await other.sign(bytes) });
    const key = (await here.open().signingKey(keyId)) ?? assert.fail();
    await assert.rejects(key.sign(payload), { code: "KEY_SERVICE_FAILED" });
  });

  it("stay in their place when the link is removed", async () => {
    const here = world();
    const { keyId } = await made(here);
    await here.store.remove(keyId);
    assert.deepEqual(readdirSync(here.directory), []);
    assert.equal((await here.driver.list()).length, 1);
  });

  it("are not linked for a second role, which would take them from the first", async () => {
    const here = world();
    const { uri } = await made(here);
    const found = await here.driver.find(uri);
    await assert.rejects(here.store.link(found, { role: "alice" }), { code: "KEY_EXISTS" });
    await here.store.link(found, { role: "root" });
  });

  it("are found again after their token was missing", async () => {
    const here = world();
    const { keyId, uri } = await made(here);
    const key = (await here.store.signingKey(keyId)) ?? assert.fail();
    const store = here.open();
    here.driver.put(uri, PrivateKey.generate("ecdsa"));
    await assert.rejects(store.signingKey(keyId));
    here.driver.put(uri, key);
    assert.ok(await store.signingKey(keyId));
  });
});

describe("I6: records of linked keys", () => {
  it("that all users may write are refused", async () => {
    const here = world();
    const { keyId, path } = await made(here);
    chmodSync(path, 0o666);
    await assert.rejects(here.open().find(keyId), { code: "KEY_FILE_UNSAFE" });
    chmodSync(path, 0o644);
    assert.ok(await here.open().find(keyId));
    assert.match(here.warnings.join(), /may be read or changed by others/u);
    chmodSync(here.directory, 0o777);
    await assert.rejects(here.open().list(), { code: "KEY_FILE_UNSAFE" });
  });

  it("that are links are not followed", async () => {
    const here = world();
    const { keyId, path } = await made(here);
    const elsewhere = join(scratch, "elsewhere.json");
    writeFileSync(elsewhere, readFileSync(path), { mode: 0o600 });
    rmSync(path);
    symlinkSync(elsewhere, path);
    assert.equal(await here.open().find(keyId), undefined);
  });

  for (const [what, damage, code] of [
    ["not JSON", () => "{", "JSON_MALFORMED"],
    ["nested too deeply", () => `{"uri":[[[[[]]]]]}`, "JSON_MALFORMED"],
    ["too large", (text: string) => text.replace("{", `{"x":"${"y".repeat(20_000)}",`), "TOO_LARGE"],
    ["without a role", (text: string) => text.replace('"role"', '"rolle"'), "JSON_MALFORMED"],
    ["with an endless role", (text: string) => text.replace('"root"', `"${"r".repeat(300)}"`), "JSON_MALFORMED"],
    ["with a URI of no driver", (text: string) => text.replace("pkcs11:", "telnet:"), "KEY_URI_INVALID"],
    [
      "with a control character in the URI",
      (text: string) => text.replace("object", "ob\\u001bject"),
      "KEY_URI_INVALID",
    ],
    ["with a broken public key", (text: string) => text.replace("MFkw", "MFkx"), "DER_MALFORMED"],
    ["with two public keys", (text: string) => text.replace(/("publicKey": ")(.*)"/u, '$1$2$2"'), "PEM_MALFORMED"],
  ] as const) {
    it(`${what} make their key unusable, and no other`, async () => {
      const here = world();
      const { keyId, path } = await made(here);
      const other = await made(here, "alice");
      writeFileSync(path, damage(readFileSync(path, "utf8")), { mode: 0o600 });
      await assert.rejects(here.open().find(keyId), { code });
      assert.deepEqual(
        (await here.open().list()).map((key) => key.keyId),
        [other.keyId],
      );
      assert.equal(here.warnings.length, 1);
    });
  }

  it("under the ID of another key are refused", async () => {
    const here = world();
    const one = await made(here);
    const two = await made(here, "alice");
    writeFileSync(one.path, readFileSync(two.path));
    await assert.rejects(here.open().signingKey(one.keyId), { code: "KEY_MALFORMED" });
  });
});
