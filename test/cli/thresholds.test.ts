/** `--threshold` of `trust key rotate` and `trust init`, and what commands show and refuse in such repositories. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { PrivateKey } from "../../src/crypto/private-key.ts";
import type { PublicKey } from "../../src/crypto/public-key.ts";
import { createRootCertificate } from "../../src/crypto/root-certificate.ts";
import { serialisePem } from "../../src/encoding/pem.ts";
import { FileKeyStore } from "../../src/keys/file-key-store.ts";
import { fromEnvironment } from "../../src/keys/passphrase-sources.ts";
import { documentedLines } from "../support/documented-lines.ts";
import { CliSandbox, json } from "./cli-sandbox.ts";

interface Rotated {
  readonly outcome: string;
  readonly threshold: number;
  readonly keyCount: number;
  readonly newKeys: readonly { readonly keyId: string }[];
}

/** The lines of the documentation with these words instead. */
function filled(words: Readonly<Record<string, string>>): string[] {
  const text = documentedLines("docs/commands.md", "tagseal trust key rotate");
  return Object.entries(words)
    .reduce((lines, [word, instead]) => lines.replaceAll(` ${word}`, ` ${instead}`), text)
    .trim()
    .split("\n");
}

describe("thresholds above one", () => {
  const stage = CliSandbox.forSuite("thresholds");

  /** A private key of this machine, quick to unlock. */
  const keyHere = async (role: "root" | "targets", gun?: string): Promise<string> => {
    const { environment } = stage.sandbox;
    const store = new FileKeyStore({
      directory: join(environment["DOCKER_CONFIG"] ?? "", "trust", "private"),
      passphrases: fromEnvironment(environment),
      iterations: 2048,
    });
    return (await store.make(gun === undefined ? { role } : { role, gun }, "ecdsa")).publicKey.keyId;
  };
  const publicFile = (name: string, key: PublicKey): string => {
    const path = stage.path(name);
    writeFileSync(path, serialisePem({ label: "PUBLIC KEY", headers: new Map(), bytes: key.bytes }));
    return path;
  };

  const shown = async (...argv: string[]): Promise<string> => (await stage.ok(argv)).stdout;
  /** Two of three keys of targets, and two of two of a signer. */
  const showsThresholds = async (app: string): Promise<void> => {
    const [inspected] = JSON.parse(await shown("trust", "inspect", app)) as {
      AdministrativeKeys: readonly { Name: string; Threshold?: number }[];
    }[];
    assert.deepEqual(
      inspected?.AdministrativeKeys.map(({ Name, Threshold }) => [Name, Threshold]),
      [
        ["Root", undefined],
        ["Repository", 2],
      ],
    );
    assert.match(
      await shown("trust", "inspect", "--pretty", app),
      /\n {2}Repository Key:\t\w{64}, \w{64}, \w{64} \(2 of 3 keys must sign\)\n {2}Root Key:\t\w{64}\n/u,
    );
    assert.match(await shown("trust", "status", app), /\ntargets +\S+ \(.*\) +ok +2 keys on this machine\n/u);
    assert.match(await shown("trust", "key", "list"), /targets \(2 of 3 keys must sign\)/u);
    const { keys } = JSON.parse(await shown("trust", "key", "list", "--json")) as {
      keys: readonly { namedBy: readonly { role: string; threshold?: number; keyCount?: number }[] }[];
    };
    const namings = keys.flatMap(({ namedBy }) =>
      namedBy.map(({ role, threshold, keyCount }) => [role, threshold, keyCount]),
    );
    assert.deepEqual(
      namings.filter(([role]) => role === "targets"),
      [
        ["targets", 2, 3],
        ["targets", 2, 3],
      ],
    );
  };

  it("two of three sign targets, one of them elsewhere; with one key here nothing is signed, and the error names the others", async () => {
    const app = stage.repository("team/three");
    const root = await keyHere("root");
    await stage.ok(["trust", "init", "--root-key", root, app]);
    const [one, two] = [await keyHere("targets", app), await keyHere("targets", app)];
    const third = PrivateKey.generate("ecdsa").publicKey;
    const file = publicFile("third.pub", third);
    const rotate = ["trust", "key", "rotate", app, "targets"];
    const refused = await stage.run([...rotate, "--threshold", "4", "--key", one, "--key", two, "--key", file]);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /^targets would have 3 of the 4 keys that must sign\nhint: .* \[USAGE\]\n$/u);
    const words = { "registry.example.com/team/app": app, KEYID: one, OTHERID: two, "carol.pub": file };
    const [inTwo = "", exchange = "", ofRoot = ""] = filled(words);
    const { stdout } = await stage.ok(inTwo.split(" ").slice(1));
    assert.match(stdout, /^Successfully rotated targets key .*\n(.*\n)+ {2}threshold {4}2 of 3 keys must sign\n/u);
    const again = json(await stage.ok([...rotate, "--json", "--threshold", "2"])) as Rotated;
    assert.deepEqual([again.outcome, again.threshold, again.keyCount, again.newKeys], ["unchanged", 2, 3, []]);
    const image = await stage.image("1.0");
    await stage.publish(image, `${app}:v1`);
    await stage.ok(["verify", "-q", `${app}:v1`], { env: stage.stranger() });
    assert.match(
      (await stage.ok(exchange.split(" ").slice(1))).stdout,
      new RegExp(`\\n {2}replaced {5}${one}\\n`, "u"),
    );
    await stage.publish(image, `${app}:v1`);
    await showsThresholds(app);
    assert.match(
      (await stage.ok(ofRoot.split(" ").slice(1))).stdout,
      /^The root role .* has this threshold already\n/u,
    );
    await stage.ok(["trust", "key", "remove", "--force", two]);
    const alone = await stage.run(["push", "-q", "--from", `oci:${image.directory}`, `${app}:v2`]);
    assert.equal(alone.code, 1);
    const status = json(await stage.ok(["trust", "status", "--json", app])) as {
      roles: readonly { role: string; threshold?: number; hereKeyIds?: readonly string[] }[];
    }[];
    const targets = status[0]?.roles.find(({ role }) => role === "targets");
    assert.deepEqual([targets?.threshold, targets?.hereKeyIds?.length], [2, 1]);
    assert.match(
      await shown("trust", "status", app),
      /2 of the targets keys \w{7}, \w{7}, \w{7}, 1 on this machine\n/u,
    );
    const missing = `${two}, ${third.keyId}`;
    assert.match(
      alone.stderr,
      new RegExp(
        `hint: This machine has 1 of the 2 keys that must sign\\..*: ${missing}\\. .*\\[SIGNING_KEY_MISSING\\]`,
        "u",
      ),
    );
    assert.deepEqual(
      (json(await stage.ok(["list", "--json", app])) as { tag: string }[]).map(({ tag }) => tag),
      ["v1"],
    );
  });

  it("signer list shows how many keys of a signer must sign", async () => {
    const app = stage.repository("team/signers");
    await stage.ok(["trust", "init", "--root-key", await keyHere("root"), app]);
    const files = ["a", "b"].map((name) => publicFile(`${name}.pub`, PrivateKey.generate("ecdsa").publicKey));
    await stage.ok(["trust", "signer", "add", ...files.flatMap((file) => ["--key", file]), "alice", app]);
    await stage.ok(["trust", "delegation", "add", app, "targets/alice", "--threshold", "2"]);
    assert.match(await shown("trust", "signer", "list", app), /\nalice +usable; 2 of 2 keys must sign +no /u);
    const [alice] = JSON.parse(await shown("trust", "signer", "list", "--json", app)) as { threshold: number }[];
    assert.equal(alice?.threshold, 2);
  });

  it("a repository begins with two root keys that both sign, and says what the loss of one means", async () => {
    const app = stage.repository("team/two-roots");
    const [one, two] = [await keyHere("root"), await keyHere("root")];
    const colleague = stage.path("colleague.pem");
    writeFileSync(colleague, await createRootCertificate(PrivateKey.generate("ecdsa"), app, new Date()));
    const init = ["trust", "init", "--json", "--root-key", one, "--threshold", "2"];
    const refused = await stage.run([...init, "--root-certificate", colleague, app]);
    assert.match(refused.stderr, /1 of the 2 keys that must sign.*\[SIGNING_KEY_MISSING\]/u);
    const { stdout, stderr } = await stage.ok([...init, "--root-key", two, app]);
    const made = JSON.parse(stdout) as { rootKeyId: string; moreRootCertificateIds: readonly string[] };
    assert.deepEqual([made.rootKeyId, made.moreRootCertificateIds.length], [one, 1]);
    assert.match(stderr, /warning: all 2 keys of root must sign: if one is lost, no key of this repository/u);
    const more = await stage.run(["trust", "key", "rotate", app, "root"]);
    assert.match(
      more.stderr,
      /^root of .* has 2 keys: .*\nhint: Name those to replace \(--key keeps one\): .*\[USAGE\]/u,
    );
    const rotated = json(
      await stage.ok([
        "trust",
        "key",
        "rotate",
        "--json",
        app,
        "root",
        "--threshold",
        "1",
        "--key",
        one,
        "--key",
        two,
        "--key",
        colleague,
      ]),
    ) as Rotated;
    assert.deepEqual([rotated.threshold, rotated.keyCount, rotated.newKeys.length], [1, 3, 1]);
  });
});
