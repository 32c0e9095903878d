/** `tagseal trust init`, `delete`, `witness` and `staged` against a sandbox. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { createRootCertificate } from "../../src/crypto/root-certificate.ts";
import { PrivateKey } from "../../src/crypto/private-key.ts";
import { serialisePem } from "../../src/encoding/pem.ts";
import type { Prompter } from "../../src/cli/io.ts";
import { CliSandbox, json } from "./cli-sandbox.ts";

describe("commands about one repository", () => {
  let stage: CliSandbox;
  let app: string;

  const listed = async (image: string): Promise<string[]> =>
    (json(await stage.ok(["list", "--json", image])) as { tag: string }[]).map(({ tag }) => tag);
  const tuf = (image: string): string => join(stage.sandbox.environment["DOCKER_CONFIG"] ?? "", "trust", "tuf", image);
  const answering = (answer: string): { readonly prompter: Prompter; readonly asked: string[] } => {
    const asked: string[] = [];
    const ask = async (prompt: string): Promise<string> => {
      asked.push(prompt);
      return answer;
    };
    return {
      asked,
      prompter: { interactive: true, ask, askSecret: ask, readAll: async () => "", tell: () => undefined },
    };
  };

  before(async () => {
    stage = await CliSandbox.start("repository");
    app = stage.repository();
    await stage.ok(["trust", "init", app]);
  });
  after(() => stage[Symbol.asyncDispose]());

  it("init makes an empty repository, once", async () => {
    assert.deepEqual(await listed(app), []);
    const { code, stderr } = await stage.run(["trust", "init", app]);
    assert.equal(code, 1);
    assert.match(stderr, /has trust data already\nhint: .*: tagseal trust delete --remote /u);
  });

  it("init takes a root key file and a certificate for the repository's name", async () => {
    const image = stage.repository("team/certified");
    const key = PrivateKey.generate("ecdsa");
    const [keyFile, certificateFile] = [stage.path("root.pem"), stage.path("root.crt")];
    writeFileSync(keyFile, serialisePem({ label: "PRIVATE KEY", headers: new Map(), bytes: key.toPkcs8() }), {
      mode: 0o600,
    });
    writeFileSync(certificateFile, await createRootCertificate(key, `${image}x`, new Date()));
    const flags = ["--root-key", keyFile, "--root-certificate", certificateFile];
    const wrong = await stage.run(["trust", "init", ...flags, image]);
    assert.match(wrong.stderr, /readers would refuse the root certificate: .*\nhint: .* common name must be/u);
    writeFileSync(certificateFile, await createRootCertificate(key, image, new Date()));
    const made = json(await stage.ok(["trust", "init", "--json", ...flags, image])) as { rootKeyId: string };
    assert.equal(made.rootKeyId, key.publicKey.keyId);
  });

  it("delete asks, keeps the keys and says so; after a remote one the repository can be created again", async () => {
    const no = answering("n");
    const refused = await stage.run(["trust", "delete", "--remote", app], no);
    assert.match(
      refused.stderr,
      /nothing was deleted: .* was not confirmed\nhint: Answer y, or give --force\.\s+\[CANCELLED\]/u,
    );
    assert.deepEqual(no.asked, [
      `Delete all trust data of ${app} on the trust server, for all readers, and on this machine? [y/N] `,
    ]);
    assert.ok(existsSync(tuf(app)));
    const { stdout } = await stage.ok(["trust", "delete", "--remote", app], answering("yes"));
    assert.match(
      stdout,
      /^Successfully deleted local and remote trust data for repository .*\n( {2}kept the (root|targets) key \w{64} in .*\.key\n){2}$/u,
    );
    assert.ok(!existsSync(tuf(app)));
    const gone = await stage.run(["list", app]);
    assert.match(gone.stderr, /REPOSITORY_NOT_SIGNED/u);
    await stage.ok(["trust", "init", app]);
    const local = json(await stage.ok(["trust", "delete", "--force", "--json", app])) as {
      keysKept: object[];
      remote: boolean;
    };
    assert.deepEqual([local.remote, local.keysKept.length], [false, 3]);
    assert.deepEqual(await listed(app), []);
  });

  it("witness signs a role again", async () => {
    const { stdout } = await stage.ok(["trust", "witness", app, "targets"]);
    assert.equal(stdout, `Signed targets of ${app} again, with its 0 tags\n`);
    const unknown = await stage.run(["trust", "witness", app, "alice"]);
    assert.match(unknown.stderr, /there is nothing to witness in "targets\/alice"/u);
  });

  it("staged lists, publishes and discards", async () => {
    const directory = join(tuf(app), "changelist");
    mkdirSync(directory, { recursive: true });
    const sha256 = Buffer.alloc(32, 1).toString("base64");
    const data = Buffer.from(JSON.stringify({ length: 6, hashes: { sha256 } })).toString("base64");
    const stageTag = (file: string, path: string): void =>
      writeFileSync(
        join(directory, file),
        JSON.stringify({ action: "create", role: "targets", type: "target", path, data }),
      );
    stageTag("1.change", "v1");
    stageTag("2.change", "v2");
    writeFileSync(join(directory, "3.change"), "damaged");
    const { stdout } = await stage.ok(["trust", "staged", app]);
    assert.match(
      stdout,
      /^Unpublished changes for .*:\n\n# .*\n0 +create +targets +target +v1\n1 .*v2\n2 +damaged +3\.change/u,
    );
    const stopped = await stage.run(["trust", "staged", "--publish", app]);
    assert.match(stopped.stderr, /nothing was published: .*3\.change is not a staged change/u);
    const unasked = await stage.run(["trust", "staged", "--discard", "-n", "2", app]);
    assert.match(unasked.stderr, /nothing was dropped/u);
    await stage.ok(["trust", "staged", "--discard", "-n", "2", "-n", "1", app], answering("y"));
    assert.deepEqual(readdirSync(directory), ["1.change"]);
    assert.equal(
      (await stage.ok(["trust", "staged", "--publish", app])).stdout,
      `Successfully published 1 change for repository ${app}\n`,
    );
    assert.deepEqual(await listed(app), ["v1"]);
    assert.equal((await stage.ok(["trust", "staged", app])).stdout, `No unpublished changes for ${app}\n`);
    for (const argv of [
      ["--publish", "--discard"],
      ["--number", "0"],
      ["--discard", "-n", "x"],
    ])
      assert.match((await stage.run(["trust", "staged", ...argv, app])).stderr, /\nhint: .*\[USAGE\]/u);
  });
});
