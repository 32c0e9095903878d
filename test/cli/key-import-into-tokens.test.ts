/** Keys that were made elsewhere, put into SoftHSM and into Vault: they are the same keys there, and cannot be read again. */
import assert from "node:assert/strict";
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { PublicKey } from "../../src/crypto/public-key.ts";
import { PrivateKey } from "../../src/crypto/private-key.ts";
import { checkedKey } from "../../src/keys/external/checked-key.ts";
import { VaultDriver } from "../../src/keys/vault/vault-driver.ts";
import { missingPeers, run, Scope, tagsealCommand } from "../support/peers.ts";
import type { Environment } from "../support/processes.ts";
import { pin } from "../support/softhsm.ts";
import { fails, succeeds, TokenUsers } from "../support/token-users.ts";
import { startVaultTransit, vaultRead } from "../support/vault.ts";

const kinds: Readonly<Record<string, () => { readonly privateKey: KeyObject; readonly publicKey: KeyObject }>> = {
  "P-256": () => generateKeyPairSync("ec", { namedCurve: "P-256" }),
  "P-384": () => generateKeyPairSync("ec", { namedCurve: "P-384" }),
  RSA: () => generateKeyPairSync("rsa", { modulusLength: 2048 }),
};

describe("keys from files, put into a token", { skip: missingPeers(["softhsm"]) }, () => {
  const scope = new Scope("import-into-tokens");
  let users: TokenUsers;

  before(async () => {
    users = new TokenUsers(scope, (name) => ({ DOCKER_CONFIG: scope.path(name, ".docker"), TAGSEAL_TOKEN_PIN: pin }));
    await users.hsm.token("release");
  });
  after(() => scope.close());

  const written = (name: string, { privateKey }: { readonly privateKey: KeyObject }): string => {
    const file = scope.path(`${name}.pem`);
    writeFileSync(file, privateKey.export({ type: "pkcs8", format: "pem" }), { mode: 0o600 });
    return file;
  };

  for (const [kind, make] of Object.entries(kinds)) {
    it(`I6: of the kind ${kind} sign there as before, and cannot be read`, async () => {
      const pair = make();
      const file = written(kind, pair);
      const tagseal = users.user(`owner-of-${kind}`);
      const words = [
        "trust",
        "key",
        "import",
        "--role",
        `owner-${kind.toLowerCase()}`,
        "--store",
        "pkcs11:token=release",
      ];
      const [done] = JSON.parse(succeeds(await tagseal([...words, "--json", file])).stdout) as readonly [
        { readonly imported: readonly { readonly keyId: string; readonly location: string }[] },
      ];
      const { keyId } = PublicKey.fromSpki(pair.publicKey.export({ type: "spki", format: "der" }));
      assert.deepEqual(
        done.imported.map((key) => key.keyId),
        [keyId],
      );
      assert.match(done.imported[0]?.location ?? "", /^pkcs11:token=release;serial=\w+;object=owner-/u);
      assert.ok(existsSync(file));
      const again = succeeds(await tagseal([...words, "--remove-file", file])).stdout;
      assert.match(again, /^Skipped .*: it is here already\nRemoved /mu);
      assert.equal(existsSync(file), false);
    });
  }

  it("are sensitive and not extractable", async () => {
    const script = `for (const slot of m.C_GetSlotList(true)) {
      if (!m.C_GetTokenInfo(slot).label.startsWith("release")) continue;
      const s = m.C_OpenSession(slot, 4); m.C_Login(s, 1, "${pin}");
      m.C_FindObjectsInit(s, [{ type: p.CKA_CLASS, value: p.CKO_PRIVATE_KEY }]);
      for (const key of m.C_FindObjects(s, 10)) {
        const [sensitive, extractable] = m.C_GetAttributeValue(s, key, [{ type: p.CKA_SENSITIVE }, { type: p.CKA_EXTRACTABLE }]);
        let read = "read";
        try { m.C_GetAttributeValue(s, key, [{ type: p.CKA_VALUE }]); } catch (error) { read = "refused"; }
        console.log(sensitive.value[0], extractable.value[0], read);
      } }`;
    const lines = (await users.hsm.script(script)).trim().split("\n");
    assert.deepEqual(lines, ["1 0 refused", "1 0 refused", "1 0 refused"]);
  });

  it("stay in their file when the place does not take them", async () => {
    const file = written("edwards", generateKeyPairSync("ed25519"));
    const tagseal = users.user("refused");
    const words = ["trust", "key", "import", "--role", "alice", "--remove-file"];
    const inToken = fails(await tagseal([...words, "--store", "pkcs11:token=release", file]), "PEM_MALFORMED");
    assert.match(inToken, /A ed25519 key cannot be stored in a token/u);
    const helper = fails(
      await tagseal([...words, "--store", "exec:nowhere", written("p256", kinds["P-256"]?.() ?? assert.fail())]),
      "PEM_MALFORMED",
    );
    assert.match(helper, /Key helpers take no keys in/u);
    assert.ok(existsSync(file));
    assert.equal(existsSync(join(scope.path("refused"), ".docker", "trust", "tagseal", "linked-keys")), false);
    const piped = await tagseal([...words, "-"]);
    assert.match(piped.stderr, /--remove-file: standard input is not a file/u);
  });
});

describe("keys put into Vault", { skip: missingPeers(["vault"]) }, () => {
  const scope = new Scope("import-into-vault");
  let vault: Environment;

  before(async () => {
    vault = await startVaultTransit(scope);
    await vaultRead(vault, "transit/wrapping_key");
  });
  after(() => scope.close());

  it("are wrapped on the way, and sign there as before", async () => {
    const driver = new VaultDriver({ env: vault });
    for (const algorithm of ["ecdsa", "rsa", "ed25519"] as const) {
      const key = PrivateKey.generate(algorithm);
      const taken = await driver.take("vault:transit", { label: `taken-${algorithm}`, key });
      assert.equal(taken.publicKey.keyId, key.publicKey.keyId);
      await checkedKey(await driver.find(taken.uri), key.publicKey).sign(Buffer.from("payload"));
      await assert.rejects(driver.take("vault:transit", { label: `taken-${algorithm}`, key }), { code: "KEY_EXISTS" });
    }
  });

  it("by the command are linked, unless its runtime cannot wrap them: the executable says so", async () => {
    const env = { ...vault, HOME: scope.directory, DOCKER_CONFIG: scope.path("docker") };
    const made = succeeds(
      await run(
        tagsealCommand,
        ["trust", "key", "generate", "--dir", scope.directory, "--store", "vault:transit", "alice"],
        { env },
      ),
    );
    assert.match(made.stdout, /^Linked key [0-9a-f]{64} at vault:transit\/alice\?version=1$/mu);
    const file = scope.path("bob.pem");
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    writeFileSync(file, privateKey.export({ type: "pkcs8", format: "pem" }), { mode: 0o600 });
    const words = ["trust", "key", "import", "--role", "bob", "--store", "vault:transit", file];
    const imported = await run(tagsealCommand, words, { env });
    if (/The self-contained executable lacks the cipher|cannot be wrapped for Vault here/u.test(imported.stderr))
      return;
    assert.match(succeeds(imported).stdout, /: vault:transit\/bob-[0-9a-f]{8}\?version=1$/mu);
  });
});
