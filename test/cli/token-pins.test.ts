/** PINs of tokens, with SoftHSM: asked for once, used once, never guessed. */
import assert from "node:assert/strict";
import { chmodSync, rmSync, writeFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { missingPeers, Scope } from "../support/peers.ts";
import { pin } from "../support/softhsm.ts";
import { fails, succeeds, TokenUsers } from "../support/token-users.ts";
import { CliSandbox } from "./cli-sandbox.ts";

const wrongPin = "000000";

describe("PINs of tokens", { skip: missingPeers(["softhsm"]) }, () => {
  const scope = new Scope("pins");
  let users: TokenUsers;
  let sandbox: CliSandbox;

  before(async () => {
    sandbox = await CliSandbox.start("pins-sandbox");
    users = new TokenUsers(scope, (name) => sandbox.stranger(name));
  });
  after(async () => {
    await sandbox[Symbol.asyncDispose]();
    await scope.close();
  });

  it("end the command at one wrong PIN: nobody is asked twice", async () => {
    await users.hsm.token("once");
    const tagseal = users.user("once");
    const make = (name: string, ...flags: readonly string[]): string[] => [
      "trust",
      "key",
      "generate",
      ...flags,
      "--store",
      "pkcs11:token=once",
      name,
    ];
    const source = users.asking("wrong", wrongPin);
    const said = fails(await tagseal(make("dave", source.flag)), "PIN_WRONG");
    assert.match(
      said,
      /Wrong PIN for token "once" \(serial [0-9a-f]+\); it has counted wrong PINs and allows few more tries/u,
    );
    assert.equal(source.asked().length, 1);
    assert.match(source.asked()[0] ?? "", /^pin dave token "once" \(serial [0-9a-f]+\)$/u);
    assert.ok(!said.includes(wrongPin));

    const typed = await tagseal(make("erin"), { input: `${wrongPin}\n${pin}\n` });
    const prompts = fails(typed, "PIN_WRONG");
    assert.equal(prompts.match(/Enter PIN of token "once"/gu)?.length, 1, prompts);
    assert.match(prompts, /Enter PIN of token "once" \(serial [0-9a-f]+\) for erin key: /u);
  });

  it("say that tries are used up before they ask, and count again from the right PIN", async () => {
    await users.hsm.token("warned");
    const tagseal = users.user("warned");
    const make = (name: string): string[] => ["trust", "key", "generate", "--store", "pkcs11:token=warned", name];
    fails(await tagseal(make("frank"), { env: { TAGSEAL_TOKEN_PIN: wrongPin } }), "PIN_WRONG");
    assert.equal(await users.pinState("warned"), "some tries used");
    const { stderr } = succeeds(await tagseal(make("grace"), { input: `${pin}\n` }));
    assert.match(stderr, /warning: Token "warned" \(serial [0-9a-f]+\) has counted wrong PINs[\s\S]*Enter PIN/u);
    assert.equal(await users.pinState("warned"), "ok");
  });

  it("get no passphrase, and no default, as a PIN", async () => {
    await users.hsm.token("silent");
    const passphrases = {
      DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE: wrongPin,
      DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: wrongPin,
    };
    const tagseal = users.user("silent", {
      ...passphrases,
      NOTARY_ROOT_PASSPHRASE: wrongPin,
      NOTARY_DELEGATION_PASSPHRASE: wrongPin,
    });
    for (const words of [["heidi"], ["--role", "root", "heidi"]])
      fails(
        await tagseal(["trust", "key", "generate", "--store", "pkcs11:token=silent", ...words]),
        "PASSPHRASE_UNAVAILABLE",
      );
    assert.equal(await users.pinState("silent"), "ok", "no PIN was tried");
  });

  it("that want the PIN for each signature ask for it once", async () => {
    await users.hsm.token("always");
    await users.hsm.script(`
      const slot = m.C_GetSlotList(true).find((s) => m.C_GetTokenInfo(s).label.trim() === "always");
      const s = m.C_OpenSession(slot, p.CKF_SERIAL_SESSION | p.CKF_RW_SESSION);
      m.C_Login(s, p.CKU_USER, "${pin}");
      const name = [{type: p.CKA_TOKEN, value: true}, {type: p.CKA_LABEL, value: "nine-c"}, {type: p.CKA_ID, value: Buffer.from([2])}];
      m.C_GenerateKeyPair(s, {mechanism: p.CKM_EC_KEY_PAIR_GEN},
        [...name, {type: p.CKA_EC_PARAMS, value: Buffer.from("06082a8648ce3d030107", "hex")}],
        [...name, {type: p.CKA_PRIVATE, value: true}, {type: p.CKA_SIGN, value: true}, {type: p.CKA_ALWAYS_AUTHENTICATE, value: true}]);`);
    const tagseal = users.user("always", { DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: "a passphrase" });
    succeeds(await tagseal(["trust", "key", "link", "--role", "root", "pkcs11:token=always;id=%02"]));
    const repository = sandbox.repository("tokens/always");
    const layout = (await sandbox.image("always")).directory;
    const { stderr } = succeeds(
      await tagseal(["push", "--from", `oci:${layout}`, `${repository}:1`], { input: `${pin}\n` }),
    );
    assert.equal(stderr.match(/Enter PIN of/gu)?.length, 1, stderr);
    await sandbox.ok(["verify", `${repository}:1`], { env: sandbox.stranger("always-verifier") });
  });

  it("take the PIN from the file that their URI names, if nobody else can read it", async () => {
    await users.hsm.token("filed");
    const file = scope.path("pin");
    writeFileSync(file, `${pin}\n`, { mode: 0o644 });
    const tagseal = users.user("filed", { TAGSEAL_TOKEN_PIN: wrongPin });
    const make = ["trust", "key", "generate", "--store", `pkcs11:token=filed?pin-source=file:${file}`, "ivan"];
    fails(await tagseal(make), "KEY_FILE_UNSAFE");
    chmodSync(file, 0o600);
    succeeds(await tagseal(make));
    rmSync(file);
    fails(await tagseal([...make.slice(0, -1), "judy"]), "PASSPHRASE_UNAVAILABLE");
    assert.equal(await users.pinState("filed"), "ok");
  });

  it("I6: a PIN on the command line is refused, and is in no message", async () => {
    const said = fails(
      await users.user("argv")(["trust", "key", "link", "--role", "root", `pkcs11:token=once?pin-value=${pin}`]),
      "KEY_URI_INVALID",
    );
    assert.ok(!said.includes(pin), said);
  });
});
