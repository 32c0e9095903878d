/** Delegations and signers of a repository: what is declared, and whether it counts. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { before, describe, it } from "node:test";
import { PrivateKey } from "../../src/crypto/private-key.ts";
import { PublicKey } from "../../src/crypto/public-key.ts";
import { createRootCertificate } from "../../src/crypto/root-certificate.ts";
import { serialisePem } from "../../src/encoding/pem.ts";
import { CliSandbox, json } from "./cli-sandbox.ts";

interface Key {
  readonly keyId: string;
  readonly certificateId?: string;
  readonly here?: boolean;
}
interface Role {
  readonly role: string;
  readonly paths: readonly string[];
  readonly keys: readonly Key[];
  readonly threshold: number;
  readonly file: string;
  readonly expires?: string;
  readonly usable: boolean;
}
interface Signer {
  readonly name: string;
  readonly usable: boolean;
  readonly problems: readonly string[];
  readonly keys: readonly Key[];
}

describe("delegations", () => {
  const stage = CliSandbox.forSuite("delegations");
  let layout: string;
  before(async () => {
    layout = (await stage.image("1.0")).directory;
    await stage.ok(["trust", "key", "generate", "alice", "--dir", stage.directory]);
  });

  const list = async (name: string): Promise<Role[]> =>
    json(await stage.ok(["trust", "delegation", "list", "--json", name])) as Role[];
  const signers = async (name: string): Promise<Signer[]> =>
    json(await stage.ok(["trust", "signer", "list", "--json", name])) as Signer[];

  /** A public key file of somebody else, whose private key is not here. */
  const keyFile = (name: string): { readonly path: string; readonly keyId: string } => {
    const { publicKey } = PrivateKey.generate("ecdsa");
    const path = stage.path(`${name}.pub`);
    writeFileSync(path, serialisePem({ label: "PUBLIC KEY", headers: new Map(), bytes: publicKey.bytes }));
    return { path, keyId: publicKey.keyId };
  };

  /** The same as a certificate, which has two IDs. */
  const certificateFile = async (name: string): Promise<{ readonly path: string; readonly key: Key }> => {
    const key = PrivateKey.generate("ecdsa");
    const pem = await createRootCertificate(key, name, new Date());
    const path = stage.path(`${name}.crt`);
    writeFileSync(path, pem);
    return { path, key: { keyId: key.publicKey.keyId, certificateId: PublicKey.fromCertificatePem(pem).keyId } };
  };

  it("signer list shows keys in both forms, which are here, and whether what they sign counts", async () => {
    const app = stage.repository("team/signers");
    const carol = await certificateFile("carol");
    await stage.ok(["trust", "signer", "add", "--key", stage.path("alice.pub"), "alice", app]);
    await stage.ok(["trust", "signer", "add", "--key", carol.path, "carol", app]);
    const [alice, second] = await signers(app);
    assert.deepEqual([alice?.name, alice?.usable, alice?.keys[0]?.here], ["alice", true, true]);
    assert.deepEqual(second, {
      name: "carol",
      usable: true,
      problems: [],
      keys: [{ ...carol.key, here: false }],
    });
    const { stdout } = await stage.ok(["trust", "signer", "list", app]);
    assert.equal(
      stdout,
      `SIGNER    STATE     HERE      KEY IDS
alice     usable    yes       ${alice?.keys[0]?.keyId}
carol     usable    no        ${carol.key.keyId}
                              certificate ${carol.key.certificateId}
`,
    );
  });

  it("a signer's file is listed with its expiry once the signer has signed", async () => {
    const app = stage.repository("team/signers-expired");
    await stage.ok(["trust", "signer", "add", "--key", stage.path("alice.pub"), "alice", app]);
    await stage.ok(["push", "-q", "--from", `oci:${layout}`, `${app}:1`]);
    const [alice] = await signers(app);
    assert.equal(alice?.usable, true);
    const [role] = await list(app);
    assert.equal(role?.file, "signed");
    assert.ok(new Date(role?.expires ?? "") > new Date());
  });

  it("list shows roles, paths, keys, thresholds and files as notary does, and nothing for a repository without", async () => {
    const app = stage.repository("team/listed");
    const bob = keyFile("bob");
    await stage.ok(["trust", "signer", "add", "--key", bob.path, "bob", app]);
    assert.deepEqual(
      await list(app),
      ["targets/bob", "targets/releases"].map((role) => ({
        role,
        paths: [""],
        keys: [{ keyId: bob.keyId }],
        threshold: 1,
        file: "none",
        usable: true,
      })),
    );
    const { stdout } = await stage.ok(["trust", "delegation", "list", app]);
    assert.equal(
      stdout,
      `ROLE               THRESHOLD   FILE            EXPIRES   PATHS            KEY IDS
targets/bob        1           not published             "" <all paths>   ${bob.keyId}
targets/releases   1           not published             "" <all paths>   ${bob.keyId}
`,
    );
    const plain = stage.repository("team/plain");
    await stage.ok(["push", "-q", "--from", `oci:${layout}`, `${plain}:1`]);
    const none = await stage.ok(["trust", "delegation", "list", plain]);
    assert.deepEqual([none.stdout, none.stderr], ["", "No delegations present in this repository.\n"]);
    assert.deepEqual(await list(plain), []);
    assert.match((await stage.ok(["trust", "signer", "list", plain])).stderr, /^No signers in /u);
  });

  it("lists of a repository without trust data fail", async () => {
    for (const what of ["delegation", "signer"]) {
      const { code, stderr } = await stage.run(["trust", what, "list", stage.repository("team/nothing")]);
      assert.equal(code, 1);
      assert.match(stderr, /\[REPOSITORY_NOT_SIGNED\]/u);
    }
  });
});
