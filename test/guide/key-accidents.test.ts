/** The pages about accidents with keys, line by line: after each of them readers see what is right, and the lost or leaked key is worth nothing. */
import assert from "node:assert/strict";
import { cpSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { delimiter, join, resolve } from "node:path";
import { before, beforeEach, describe, it } from "node:test";
import type { DemoImage } from "../../src/sandbox/demo-image.ts";
import { CliSandbox, json, type Outcome } from "../cli/cli-sandbox.ts";
import { documentedLines } from "../support/documented-lines.ts";
import { missingPeers } from "../support/peers.ts";

type User = Record<string, string>;

const directoryOf = (env: User): string => env["DOCKER_CONFIG"] ?? assert.fail("a user has a directory");
const publicKeyOf = (env: User, name: string): string => join(directoryOf(env), `${name}.pub`);
const example = resolve(import.meta.dirname, "../../docs/examples/tagseal-key-openssl");
const typed = "correct horse battery";
/** A person who types the same passphrase at every prompt. */
const prompter = {
  interactive: true,
  ask: async () => typed,
  askSecret: async () => typed,
  tell: () => undefined,
  readAll: async () => undefined,
};

/** Fails unless a failure has every word that the page gives as the symptom below a heading. */
function hasSymptom(said: string, heading: string): void {
  const page = readFileSync(resolve(import.meta.dirname, "../../docs/keys/lost.md"), "utf8");
  const [section = ""] = (page.split(`\n## ${heading}\n`)[1] ?? "").split("\n## ");
  const [symptom = ""] = (section.split("**Symptom.**")[1] ?? "").split("\n\n");
  const quoted = [...symptom.matchAll(/`([^`]+)`/gu)].map((match) => match[1] ?? "");
  const words = quoted.filter((text) => !text.includes("--") && !text.startsWith("notary "));
  assert.notEqual(words.length, 0, heading);
  for (const text of words) {
    let rest = said;
    for (const part of text.split("…")) {
      const at = rest.indexOf(part);
      assert.notEqual(at, -1, `${text} in ${said}`);
      rest = rest.slice(at + part.length);
    }
  }
}

interface ListedKey {
  readonly keyId: string;
  readonly purpose: string;
}

describe("the pages about accidents with keys", () => {
  const stage = CliSandbox.forSuite("key-accidents");
  let image: DemoImage;
  let evil: DemoImage;
  let app: string;
  let withRootKey: User;
  let owner: User;
  let warm: User;

  const ok = async (env: User, ...argv: readonly string[]): Promise<Outcome> => await stage.ok(argv, { env });
  /** The same for a user who has no passphrase in the environment, and types it. */
  const typing = async (env: User, ...argv: readonly string[]): Promise<Outcome> => {
    const names = Object.entries(env).filter(([name]) => !name.endsWith("_PASSPHRASE"));
    return await stage.ok(argv, { env: Object.fromEntries(names), prompter });
  };
  /** The same for a user who is asked whether to do what was shown, and says yes. */
  const confirming = async (env: User, ...argv: readonly string[]): Promise<Outcome> =>
    await stage.ok(argv, { env, prompter: { ...prompter, ask: async () => "y" } });
  const refused = async (env: User, code: string, ...argv: readonly string[]): Promise<string> => {
    const outcome = await stage.run(argv, { env });
    assert.notEqual(outcome.code, 0, outcome.stdout);
    assert.match(outcome.stderr, new RegExp(`\\[${code}\\]`, "u"));
    return outcome.stderr;
  };

  /** Types documented lines as a user; the page's names stand for those of this suite. */
  async function perform(
    lines: string,
    env: User,
    more: Readonly<Record<string, string>> = {},
    by = ok,
  ): Promise<string> {
    const names = { "registry.example.com/team/app": app, ...more };
    let said = "";
    for (const line of lines.trim().split("\n")) {
      const command = Object.entries(names).reduce((text, [name, value]) => text.replaceAll(name, value), line);
      const [, ...argv] = command.split(" ");
      if (command.includes(" key generate ")) argv.push("--dir", directoryOf(env));
      const { stdout, stderr } = await by(env, ...argv);
      said += stdout + stderr;
    }
    return said;
  }

  const sees = async (env: User, ...tags: readonly string[]): Promise<void> => {
    const listed = json(await ok(env, "list", "--json", app)) as readonly { readonly tag: string }[];
    assert.deepEqual(listed.map(({ tag }) => tag).toSorted(), tags.toSorted());
  };
  const keysOf = async (env: User, purpose: string): Promise<readonly string[]> => {
    const { keys } = json(await ok(env, "trust", "key", "list", "--json")) as { readonly keys: readonly ListedKey[] };
    return keys.filter((key) => key.purpose.startsWith(purpose)).map(({ keyId }) => keyId);
  };
  const loses = async (env: User, purpose: string): Promise<void> => {
    const ids = await keysOf(env, purpose);
    assert.notEqual(ids.length, 0, `there is a key of ${purpose}`);
    await ok(env, "trust", "key", "remove", "--force", ...ids);
  };
  const sign = async (env: User, tag: string, { manifestDigest } = image): Promise<Outcome> =>
    await ok(env, "sign", `${app}:${tag}@${manifestDigest}`);
  /** Another person with everything that a user's machine has. */
  const copyOf = (env: User): User => {
    const config = stage.path(stage.fresh("copy"));
    cpSync(directoryOf(env), config, { recursive: true });
    return { ...env, DOCKER_CONFIG: config };
  };
  const addSigner = async (name: string, env: User): Promise<void> => {
    await ok(owner, "trust", "signer", "add", "--key", publicKeyOf(env, name), name, app);
  };
  const newSigner = async (name: string): Promise<User> => {
    const env = stage.stranger();
    await ok(env, "trust", "key", "generate", name, "--dir", directoryOf(env));
    return env;
  };
  const aliceInApp = async (): Promise<User> => {
    const alice = await newSigner("alice");
    await addSigner("alice", alice);
    return alice;
  };

  before(async () => {
    [image, evil] = [await stage.image("good"), await stage.image("evil")];
    withRootKey = stage.stranger();
    await ok(withRootKey, "trust", "key", "generate", "--role", "root", "root", "--dir", directoryOf(withRootKey));
  });

  beforeEach(async () => {
    [owner, warm] = [copyOf(withRootKey), stage.stranger()];
    app = stage.repository(stage.fresh("accidents/app"));
    await ok(owner, "push", "-q", "--from", `oci:${image.directory}`, `${app}:1.0`);
    await ok(owner, "push", "-q", "--disable-content-trust", "--from", `oci:${evil.directory}`, `${app}:evil`);
    await sees(warm, "1.0");
  });

  describe("leaked", () => {
    it("the root key", async () => {
      const thief = copyOf(owner);
      const [old = ""] = await keysOf(owner, "root");
      const said = await perform(
        documentedLines("docs/keys/leaked.md", "The root key has leaked"),
        owner,
        {},
        confirming,
      );
      assert.ok(!said.slice(said.lastIndexOf("ROOT KEY")).includes(old.slice(0, 12)));
      await refused(thief, "SIGNING_KEY_MISSING", "trust", "key", "rotate", app, "root");
      await sign(owner, "2.0");
      await sees(warm, "1.0", "2.0");
    });

    it("the repository key", async () => {
      const thief = copyOf(owner);
      await sign(thief, "evil", evil);
      await ok(thief, "trust", "key", "generate", "mallory", "--dir", directoryOf(thief));
      await ok(thief, "trust", "signer", "add", "--key", publicKeyOf(thief, "mallory"), "mallory", app);
      const said = await perform(
        documentedLines("docs/keys/leaked.md", "The repository key has leaked"),
        owner,
        {},
        confirming,
      );
      assert.match(said, /^evil .*Repo Admin/mu);
      assert.match(said, /mallory/u);
      await perform(documentedLines("docs/keys/leaked.md", "The repository key has leaked", 2), owner);
      await perform(documentedLines("docs/keys/leaked.md", "The repository key has leaked", 3), owner);
      await sees(warm, "1.0");
      await refused(thief, "SIGNING_KEY_MISSING", "sign", `${app}:evil@${evil.manifestDigest}`);
      await sign(owner, "2.0");
      await sees(warm, "1.0", "2.0");
    });

    it("a signer's key", async () => {
      const alice = await aliceInApp();
      await sign(alice, "1.0");
      const thief = copyOf(alice);
      await sign(thief, "evil", evil);
      await perform(documentedLines("docs/keys/leaked.md", "A signer's key has leaked"), owner);
      await sees(warm, "1.0");
      await refused(thief, "SIGNING_KEY_MISSING", "sign", `${app}:worse@${evil.manifestDigest}`);
      const [make = "", add = "", signing = ""] = documentedLines("docs/keys/leaked.md", "A signer's key has leaked", 2)
        .trim()
        .split("\n");
      const clean = stage.stranger();
      await perform(make, clean);
      await perform(add, owner, { "alice.pub": publicKeyOf(clean, "alice") });
      const digest = /sha256:[0-9a-f]{64}/u.exec(signing)?.[0] ?? assert.fail(signing);
      await perform(signing, clean, { [digest]: image.manifestDigest });
      await sees(warm, "1.0");
    });

    it("the snapshot key", async () => {
      await ok(owner, "trust", "key", "rotate", "--publisher-managed", app, "snapshot");
      assert.equal((await keysOf(owner, "snapshot")).length, 1);
      await perform(documentedLines("docs/keys/leaked.md", "The snapshot key has leaked"), owner, {}, confirming);
      assert.deepEqual(await keysOf(owner, "snapshot"), []);
      await sign(owner, "2.0");
      await sees(warm, "1.0", "2.0");
    });

    it("a whole machine", async () => {
      const thief = copyOf(owner);
      await perform(documentedLines("docs/keys/leaked.md", "A whole machine has leaked"), owner, {}, confirming);
      await refused(thief, "SIGNING_KEY_MISSING", "sign", `${app}:evil@${evil.manifestDigest}`);
      await refused(thief, "SIGNING_KEY_MISSING", "trust", "key", "rotate", app, "targets");
      await sees(warm, "1.0");
    });

    it("by hand", async () => {
      await ok(owner, "trust", "key", "rotate", "--publisher-managed", app, "snapshot");
      const thief = copyOf(owner);
      await perform(documentedLines("docs/keys/leaked.md", "By hand"), owner);
      for (const role of ["root", "targets"])
        await refused(thief, "SIGNING_KEY_MISSING", "trust", "key", "rotate", app, role);
      assert.deepEqual(await keysOf(owner, "snapshot"), []);
      await sign(owner, "2.0");
      await sees(warm, "1.0", "2.0");
    });
  });

  describe("lost", () => {
    it("the repository key", async () => {
      await loses(owner, "repository");
      const said = await refused(owner, "SIGNING_KEY_MISSING", "sign", `${app}:2.0@${image.manifestDigest}`);
      hasSymptom(said, "The repository key is lost");
      await perform(documentedLines("docs/keys/lost.md", "The repository key is lost"), owner, {}, confirming);
      await sign(owner, "2.0");
      await sees(warm, "1.0", "2.0");
    });

    it("a signer's key", async () => {
      const alice = await aliceInApp();
      await sign(alice, "1.1");
      const [lost = ""] = await keysOf(alice, "signer");
      await loses(alice, "signer");
      const said = await refused(alice, "SIGNING_KEY_MISSING", "sign", `${app}:1.2@${image.manifestDigest}`);
      hasSymptom(said, "A signer's key is lost");
      const lines = documentedLines("docs/keys/lost.md", "A signer's key is lost").trim().split("\n");
      const again = copyOf(alice);
      const page = { "alice.pub": publicKeyOf(again, "alice") };
      rmSync(publicKeyOf(again, "alice"));
      for (const [index, line] of lines.entries()) await perform(line, index === 1 ? owner : again, page);
      await sees(warm, "1.0", "1.1");
      await perform(documentedLines("docs/keys/lost.md", "A signer's key is lost", 2), owner, { KEYID: lost });
      await sign(again, "1.2");
      await sees(warm, "1.0", "1.1", "1.2");
    });

    it("the last signer", async () => {
      const alice = await aliceInApp();
      await sign(alice, "1.1");
      await refused(owner, "SIGNING_KEY_MISSING", "sign", `${app}:1.2@${image.manifestDigest}`);
      const bob = await newSigner("bob");
      const page = { "bob.pub": publicKeyOf(bob, "bob") };
      await perform(documentedLines("docs/keys/lost.md", "The last signer is lost"), owner, page);
      await sees(warm, "1.0", "1.1");
      await ok(bob, "trust", "witness", app, "targets/releases");
      await sign(bob, "1.2");
      await sees(warm, "1.0", "1.1", "1.2");
      await perform(documentedLines("docs/keys/lost.md", "The last signer is lost", 2), owner);
    });

    it("the snapshot key", async () => {
      await ok(owner, "trust", "key", "rotate", "--publisher-managed", app, "snapshot");
      await loses(owner, "snapshot");
      const said = await refused(owner, "TRUST_SERVER_REFUSED", "sign", `${app}:2.0@${image.manifestDigest}`);
      hasSymptom(said, "The snapshot key is lost");
      await perform(documentedLines("docs/keys/lost.md", "The snapshot key is lost"), owner, {}, confirming);
      await sign(owner, "2.0");
      await sees(warm, "1.0", "2.0");
    });

    it("by hand", async () => {
      await ok(owner, "trust", "key", "rotate", "--publisher-managed", app, "snapshot");
      await loses(owner, "repository");
      await loses(owner, "snapshot");
      const [targets = "", snapshot = ""] = documentedLines("docs/keys/lost.md", "By hand").trim().split("\n");
      await perform(snapshot, owner);
      await perform(targets, owner);
      await sign(owner, "2.0");
      await sees(warm, "1.0", "2.0");
    });

    it("a passphrase", async () => {
      const confused = { ...owner, DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: "another passphrase" };
      const said = await refused(confused, "PASSPHRASE_WRONG", "sign", `${app}:2.0@${image.manifestDigest}`);
      hasSymptom(said, "A passphrase is forgotten");
      const [keyId = ""] = await keysOf(confused, "repository");
      await confirming(confused, "trust", "recover", "--lost", "targets", "--replace", keyId, app);
      await sign(confused, "2.0");
      await sees(warm, "1.0", "2.0");
    });

    it("a passphrase, with a backup that has its own", async () => {
      const [keyId = ""] = await keysOf(owner, "repository");
      const file = stage.path(stage.fresh("keys.age"));
      await stage.ok(["trust", "key", "backup", "--to", file, "--with-passphrase"], { env: owner, prompter });
      const clean = stage.stranger();
      const page = documentedLines("docs/keys/lost.md", "A passphrase is forgotten");
      await perform(page, clean, { "keys.age": file, KEYID: keyId }, typing);
      await typing(clean, "sign", `${app}:2.0@${image.manifestDigest}`);
      await sees(warm, "1.0", "2.0");
    });

    it("a token, or what else holds the keys of links", { skip: missingPeers(["openssl", "jq"]) }, async () => {
      const [helpers, keys] = [stage.path("helpers"), stage.path("helper-keys")];
      for (const directory of [helpers, keys]) mkdirSync(directory);
      cpSync(example, join(helpers, "tagseal-key-openssl"));
      const alice = stage.stranger();
      const here = { ...alice, OPENSSL_KEYS: keys, PATH: [helpers, process.env["PATH"]].join(delimiter) };
      await ok(here, "trust", "key", "generate", "--store", "exec:openssl", "alice", "--dir", directoryOf(alice));
      await addSigner("alice", alice);
      await sign(here, "1.1");
      const lost = { ...alice, PATH: process.env["PATH"] ?? "" };
      await refused(lost, "KEY_SERVICE_UNAVAILABLE", "sign", `${app}:1.2@${image.manifestDigest}`);
      const [keyId = ""] = await keysOf(lost, "signer");
      await perform(documentedLines("docs/keys/lost.md", "A token is lost"), lost, { KEYID: keyId });
      await refused(lost, "SIGNING_KEY_MISSING", "sign", `${app}:1.2@${image.manifestDigest}`);
      await sees(warm, "1.0", "1.1");
    });
  });

  it("expired: what shows the ends of certificates, and what a scheduled job does", async () => {
    assert.match(await perform(documentedLines("docs/keys/expired.md", "A root certificate ends"), owner), /EXPIRES/u);
    await perform(documentedLines("docs/keys/expired.md", "Before it happens"), owner);
    await perform(documentedLines("docs/keys/expired.md", "A root certificate ends", 2), warm);
    await sees(warm, "1.0");
  });
});
