/** Keys in tokens, with SoftHSM: making, linking and using them, and the lines of the page. */
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { chmodSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { documentedLines } from "../support/documented-lines.ts";
import { missingPeers, Scope } from "../support/peers.ts";
import { openShell } from "../support/shell.ts";
import { pin } from "../support/softhsm.ts";
import { fails, succeeds, TokenUsers } from "../support/token-users.ts";
import { CliSandbox } from "./cli-sandbox.ts";

describe("keys in tokens", { skip: missingPeers(["softhsm"]) }, () => {
  const scope = new Scope("tokens");
  let users: TokenUsers;
  let sandbox: CliSandbox;

  before(async () => {
    sandbox = await CliSandbox.start("tokens-sandbox");
    users = new TokenUsers(scope, (name) => sandbox.stranger(name));
  });
  after(async () => {
    await sandbox[Symbol.asyncDispose]();
    await scope.close();
  });

  it("are made, linked and listed as the page says, and sign for a root, a signer and a repository", async () => {
    await users.hsm.token("release");
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const file = scope.path("bob.pem");
    writeFileSync(file, privateKey.export({ type: "pkcs8", format: "pem" }), { mode: 0o600 });
    await users.hsm.importFile("release", "bob-2026", file);
    const env = { ...sandbox.stranger("reader-of-the-page"), ...users.hsm.env, TAGSEAL_TOKEN_PIN: pin };
    const shell = openShell(scope, [], env);
    await shell.run(documentedLines("docs/keys.md", "Keys in hardware", 2));
    await shell.run(documentedLines("docs/keys.md", "Keys in hardware", 3));
    const { stdout } = await shell.run(documentedLines("docs/keys.md", "Keys in hardware"));
    for (const name of ["release-root", "alice", "bob-2026"]) assert.match(stdout, new RegExp(`object=${name}`, "u"));

    const repository = sandbox.repository("tokens/page");
    const targets = ["--role", "targets", "--gun", repository, "--algorithm", "rsa", "--store", "pkcs11:token=release"];
    const image = await sandbox.image("1");
    const layout = image.directory;
    await shell.run(`tagseal trust key generate ${targets.join(" ")} page-targets
tagseal trust signer add --key alice.pub alice ${repository}
tagseal push --from oci:${layout} ${repository}:1`);
    const signed = JSON.parse((await shell.run(`tagseal trust inspect ${repository}`)).stdout) as readonly [
      { readonly SignedTags: readonly { readonly Signers: readonly string[] }[]; readonly AdministrativeKeys: object },
    ];
    assert.deepEqual(signed[0].SignedTags[0]?.Signers, ["alice"]);
    const verified = await sandbox.ok(["verify", `${repository}:1`], { env: sandbox.stranger("page-verifier") });
    assert.match(verified.stdout, /^sha256:/u);
    assert.equal((await users.tokens()).find(({ label }) => label === "release")?.keys.length, 4);
    const kept = await shell.run(`find "$DOCKER_CONFIG/trust/private" -name '*.key' 2>/dev/null || true`);
    assert.equal(kept.stdout, "", "every key is in the token");
  });

  it("hold a spare root key: nothing of it stays here, and alone it replaces the lost one", async () => {
    await users.hsm.token("spare");
    const tagseal = users.user("spare", { TAGSEAL_TOKEN_PIN: pin });
    const repository = sandbox.repository("tokens/spare");
    const { directory } = await sandbox.image("1");
    succeeds(await tagseal(["push", "-q", "--from", `oci:${directory}`, `${repository}:1`]));
    const add = ["trust", "root", "add-spare", "--store", "pkcs11:token=spare"];
    const { stdout } = succeeds(await tagseal([...add, repository]));
    const [, uri = ""] = /^The spare root key is in (pkcs11:\S+) and cannot be copied\./mu.exec(stdout) ?? [];
    const listed = succeeds(await tagseal(["trust", "root", "list", "--json", repository]));
    const { keys } = JSON.parse(listed.stdout) as { readonly keys: readonly { keyId: string; here: boolean }[] };
    assert.deepEqual(
      keys.map(({ here }) => here),
      [true, false],
    );
    succeeds(await tagseal(["trust", "key", "remove", "--force", keys[0]?.keyId ?? ""]));
    succeeds(await tagseal(["trust", "recover", "--yes", "--lost", "root", "--spare", uri, repository]));
    await sandbox.ok(["verify", `${repository}:1`], { env: sandbox.stranger("spare-verifier") });
    succeeds(await tagseal(["push", "-q", "--from", `oci:${directory}`, `${repository}:2`]));
  });

  it("are told apart by serial where two tokens have one label", async () => {
    const serials = [await users.hsm.token("twin"), await users.hsm.token("twin")];
    const tagseal = users.user("twins", { TAGSEAL_TOKEN_PIN: pin });
    const said = fails(
      await tagseal(["trust", "key", "generate", "--store", "pkcs11:token=twin", "carol"]),
      "KEY_AMBIGUOUS",
    );
    for (const serial of serials) assert.ok(said.includes(serial), said);
    for (const [index, serial] of serials.entries())
      succeeds(
        await tagseal(["trust", "key", "generate", "--store", `pkcs11:token=twin;serial=${serial}`, `carol${index}`]),
      );
    const twins = (await users.tokens()).filter(({ label }) => label === "twin");
    assert.deepEqual(
      twins.map(({ keys }) => keys.length),
      [1, 1],
    );
  });

  it("are refused when another key has taken their place", async () => {
    await users.hsm.token("swapped");
    const tagseal = users.user("swapped", {
      TAGSEAL_TOKEN_PIN: pin,
      DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: "a passphrase",
    });
    succeeds(
      await tagseal([
        "trust",
        "key",
        "generate",
        "--role",
        "root",
        "--store",
        "pkcs11:token=swapped;object=r;id=%07",
        "swapped-root",
      ]),
    );
    await users.hsm.script(`
      const slot = m.C_GetSlotList(true).find((s) => m.C_GetTokenInfo(s).label.trim() === "swapped");
      const s = m.C_OpenSession(slot, p.CKF_SERIAL_SESSION | p.CKF_RW_SESSION);
      m.C_Login(s, p.CKU_USER, "${pin}");
      m.C_FindObjectsInit(s, [{type: p.CKA_LABEL, value: "r"}]);
      for (const object of m.C_FindObjects(s, 10)) m.C_DestroyObject(s, object);
      m.C_FindObjectsFinal(s);
      const name = [{type: p.CKA_TOKEN, value: true}, {type: p.CKA_LABEL, value: "r"}, {type: p.CKA_ID, value: Buffer.from([7])}];
      m.C_GenerateKeyPair(s, {mechanism: p.CKM_EC_KEY_PAIR_GEN},
        [...name, {type: p.CKA_EC_PARAMS, value: Buffer.from("06082a8648ce3d030107", "hex")}],
        [...name, {type: p.CKA_PRIVATE, value: true}, {type: p.CKA_SIGN, value: true}]);`);
    const image = `${sandbox.repository("tokens/swapped")}:1`;
    const done = await tagseal(["push", "--from", `oci:${(await sandbox.image("swapped")).directory}`, image]);
    assert.equal(done.code, 3);
    assert.match(done.stderr, /is not the linked one: expected [0-9a-f]{64}, found [0-9a-f]{64}/u);
  });

  it("say what to install when the addon or the module is missing", async () => {
    const tagseal = users.user("bare");
    const list = ["trust", "key", "tokens"];
    const missing = { TAGSEAL_PKCS11JS: join(scope.directory, "nowhere") };
    assert.match(
      fails(await tagseal(list, { env: missing }), "KEY_SERVICE_UNAVAILABLE"),
      /npm install --prefix ~\/\.tagseal pkcs11js@2/u,
    );
    const broken = scope.path("broken.so");
    writeFileSync(broken, "");
    for (const module of ["/nowhere/module.so", broken, "module.so"]) {
      const said = fails(await tagseal(list, { env: { TAGSEAL_PKCS11_MODULE: module } }), "KEY_SERVICE_UNAVAILABLE");
      assert.match(said, /opensc-pkcs11/u);
    }
    writeFileSync(scope.path("open.so"), "");
    chmodSync(scope.path("open.so"), 0o777);
    fails(await tagseal([...list, "--module", scope.path("open.so")]), "KEY_FILE_UNSAFE");
  });

  it("are not made twice under one name, nor of a kind that the token does not have", async () => {
    await users.hsm.token("names");
    const tagseal = users.user("names", { TAGSEAL_TOKEN_PIN: pin });
    succeeds(await tagseal(["trust", "key", "generate", "--store", "pkcs11:token=names", "kim"]));
    rmSync(join(scope.path("names"), "kim.pub"));
    fails(await tagseal(["trust", "key", "generate", "--store", "pkcs11:token=names", "kim"]), "KEY_EXISTS");
    fails(
      await tagseal(["trust", "key", "link", "--role", "lea", "pkcs11:token=names;object=nothing"]),
      "KEY_NOT_FOUND",
    );
    fails(await tagseal(["trust", "key", "link", "pkcs11:token=names"]), "USAGE");
    fails(await tagseal(["trust", "key", "link", "--role", "targets", "pkcs11:token=names"]), "USAGE");
  });
});
