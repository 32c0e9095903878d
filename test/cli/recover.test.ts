/** `tagseal trust recover` against a sandbox: each accident, beside readers that remember the repository and readers that do not. */
import assert from "node:assert/strict";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import type { Server } from "node:http";
import { get } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { before, describe, it } from "node:test";
import { FileKeyStore } from "../../src/keys/file-key-store.ts";
import { fromEnvironment } from "../../src/keys/passphrase-sources.ts";
import { refusedRoot } from "../../src/trust/accidents/reader-effects.ts";
import { documentedLines } from "../support/documented-lines.ts";
import { CliSandbox, json, type Outcome } from "./cli-sandbox.ts";

interface Recovered {
  readonly rehearsed: boolean;
  readonly plan: readonly { readonly step: string; readonly role?: string }[];
  readonly observations?: readonly { readonly cached: boolean; readonly same: boolean; readonly refusal?: string }[];
  readonly results: readonly { readonly step: string; readonly newKeys?: readonly { readonly keyId: string }[] }[];
}

/** The arguments of a documented line, for this repository and this spare. */
function lineOf(line: string, app: string, spare = ""): string[] {
  const [program, first, command, ...words] = line.trim().split(" ");
  assert.deepEqual([program, first, command], ["tagseal", "trust", "recover"]);
  return words.map((word) => word.replace("registry.example.com/team/app", app).replace("spare.pem", spare));
}

/** All rows of a server's database, without those by which it finds out every few seconds whether the disk takes more. */
function rowsOf(path: string): readonly unknown[] {
  using database = new DatabaseSync(path, { readOnly: true });
  const tables = database
    .prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT IN ('health_probe', 'sqlite_sequence')")
    .all();
  assert.ok(tables.length > 2);
  return tables.map(({ name }) => [name, database.prepare(`SELECT * FROM ${String(name)}`).all()]);
}

/** The status of a root, asked for without a login. */
async function statusOf(port: number, gun: string): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const url = `https://127.0.0.1:${port}/v2/${gun}/_trust/tuf/root.json`;
  get(url, { rejectUnauthorized: false, agent: false }, (answer) => {
    answer.resume();
    resolve(answer.statusCode ?? 0);
  }).on("error", reject);
  return await promise;
}

describe("trust recover", () => {
  const stage = CliSandbox.forSuite("recover");
  const passphrases = { TAGSEAL_SPARE_PASSPHRASE: "spare passphrase" };
  let image: Awaited<ReturnType<CliSandbox["image"]>>;

  /** An owner with an own repository and an own root key, and a reader that remembers it. */
  interface Story {
    readonly app: string;
    readonly owner: Record<string, string>;
    readonly reader: Record<string, string>;
    readonly rootKey: string;
  }

  /** A root key that is unlocked quickly. */
  const makeRootKey = async ({ DOCKER_CONFIG = "", ...env }: Record<string, string>): Promise<void> => {
    const directory = join(DOCKER_CONFIG, "trust", "private");
    await new FileKeyStore({ directory, passphrases: fromEnvironment(env), iterations: 2048 }).make(
      { role: "root" },
      "ecdsa",
    );
  };
  const keyFiles = ({ owner }: Story): string => join(owner["DOCKER_CONFIG"] ?? "", "trust", "private");
  const lose = (story: Story, keyId: string): void => rmSync(join(keyFiles(story), `${keyId}.key`));
  const as = async (env: Record<string, string>, ...argv: string[]): Promise<Outcome> => await stage.ok(argv, { env });
  const recover = async ({ owner }: Story, ...argv: string[]): Promise<Outcome> =>
    await stage.run(["trust", "recover", ...argv], { env: owner });
  const recovered = async (story: Story, ...argv: string[]): Promise<Recovered> => {
    const outcome = await recover(story, "--json", ...argv);
    assert.equal(outcome.code, 0, outcome.stderr);
    return (json(outcome) as Recovered[])[0] ?? assert.fail(outcome.stdout);
  };
  const tags = async (app: string, env: Record<string, string>): Promise<string[]> =>
    (json(await as(env, "list", "--json", app)) as { tag: string }[]).map(({ tag }) => tag);
  const keyOf = async (app: string, env: Record<string, string>): Promise<string> => {
    const { keys } = json(await as(env, "trust", "root", "list", "--json", app)) as { keys: { keyId: string }[] };
    return keys[0]?.keyId ?? "";
  };
  const told = async (path: string): Promise<Story> => {
    const app = stage.repository(path);
    const owner = { ...stage.stranger(stage.fresh("owner")), ...passphrases };
    await makeRootKey(owner);
    await as(owner, "push", "-q", "--from", `oci:${image.directory}`, `${app}:v1`);
    const reader = stage.stranger(stage.fresh("reader"));
    assert.deepEqual(await tags(app, reader), ["v1"]);
    return { app, owner, reader, rootKey: await keyOf(app, owner) };
  };
  /** Every file of a directory, with its content, mode and time. */
  const everything = (directory: string): Record<string, string> =>
    Object.fromEntries(
      readdirSync(directory, { recursive: true, encoding: "utf8" })
        .map((name) => join(directory, name))
        .filter((path) => statSync(path).isFile())
        .map((path) => [path, `${statSync(path).mode} ${statSync(path).mtimeMs} ${readFileSync(path, "base64")}`]),
    );

  /** What a rehearsal must not change: keys, memory, the server's data, temporary directories. */
  const traces = ({ owner }: Story): readonly unknown[] => [
    everything(owner["DOCKER_CONFIG"] ?? ""),
    ...["metadata.db", "signer.db"].map((name) => rowsOf(join(stage.sandbox.serverDirectory, name))),
    readdirSync(tmpdir()).filter((name) => name.startsWith("tagseal-rehearsal-")),
  ];
  const seenIn = ({ observations = [] }: Recovered): string[] =>
    observations.map(
      ({ cached, same, refusal }) => `${cached ? "cached" : "new"}: ${refusal ?? (same ? "same" : "other")}`,
    );

  before(async () => {
    image = await stage.image("1.0");
  });

  it("root lost, with a spare: nothing happens before it is confirmed, or without the spare; a rehearsal leaves no trace", async () => {
    const story = await told("team/spared");
    const { app, owner, reader, rootKey } = story;
    const spare = stage.path("spared.pem");
    await as(owner, "trust", "root", "add-spare", "--out", spare, app);
    lose(story, rootKey);
    const missing = await recover(story, "--yes", "--lost", "root", "--replace", rootKey, app);
    assert.match(
      missing.stderr,
      /^a new root of .* must be signed by a root key that it has, and none is on this machine\n/u,
    );
    assert.match(missing.stderr, /\nhint: Give the spare root key: --spare FILE\. Its ID is \w{64}\./u);
    const asked = await recover(story, "--lost", "root", "--spare", spare, app);
    assert.match(
      asked.stdout,
      new RegExp(`^${app}\n  1\\. replace the root key ${rootKey} by a new one; the spare \\w{64} signs\n`, "u"),
    );
    assert.match(
      asked.stdout,
      /docker 28, notary and Tagseal, with and without cached trust data:\n {4}continue and see no difference\n/u,
    );
    assert.match(asked.stderr, /^nothing was changed: the recovery was not confirmed\n/u);
    const beforehand = traces(story);
    const played = await recovered(story, "--rehearse", "--lost", "root", "--spare", spare, app);
    assert.equal(played.rehearsed, true);
    assert.deepEqual(seenIn(played), ["cached: same", "new: same"]);
    assert.deepEqual(traces(story), beforehand);
    assert.equal(await keyOf(app, reader), rootKey);

    const { results } = await recovered(
      story,
      "--yes",
      ...lineOf(documentedLines("docs/keys/lost-root.md", "The root key is lost, and there is a spare"), app, spare),
    );
    const [{ newKeys: [made] = [] } = assert.fail()] = results;
    const path = join(keyFiles(story), `${made?.keyId}.key`);
    assert.ok(existsSync(path));
    assert.equal(readdirSync(keyFiles(story)).length, 2, "the new root key and the repository key, and no spare");
    assert.deepEqual(await tags(app, reader), ["v1"]);
    const again = await recover(story, "--lost", "root", "--spare", spare, app);
    assert.deepEqual([again.code, again.stderr], [0, ""], "it does not ask, and nothing is left to do");
    assert.equal(
      again.stdout,
      `${app}: nothing to do: the root key ${made?.keyId} is on this machine\n  If its passphrase is lost, name the key: --replace ${made?.keyId}\n`,
    );
    const everywhere = await recover(story, "--yes", "--lost", "root", "--spare", spare, "--all-with-key", rootKey);
    assert.equal(everywhere.stderr, "");
    assert.match(everywhere.stdout, /^nothing to do: no repository .* has the root key \w{64} any more\n$/u);
    const mistyped = await recover(story, "--yes", "--lost", "root", "--all-with-key", "0".repeat(64));
    assert.match(mistyped.stderr, /\[KEY_NOT_FOUND\]\n$/u);

    // The file is here and does not open, as without its passphrase.
    writeFileSync(path, readFileSync(path, "utf8").replace(/\nM/u, "\nN"));
    await recovered(story, "--yes", "--lost", "root", "--replace", made?.keyId ?? "", "--spare", spare, app);
    assert.deepEqual(await tags(app, reader), ["v1"]);
    const twice = await recovered(story, "--lost", "root", "--replace", made?.keyId ?? "", "--spare", spare, app);
    assert.deepEqual(twice.plan, [{ step: "none", role: "root" }]);
    const other = await recover(story, "--lost", "root", "--replace", "0".repeat(64), "--spare", spare, app);
    assert.match(other.stderr, /\[KEY_NOT_FOUND\]\n/u);
  });

  it("root lost without a spare: made again with the same tags and signers; says whom it locks out; finishes after an interruption", async () => {
    const story = await told("team/restarted");
    const { app, owner, reader, rootKey } = story;
    await as(owner, "trust", "key", "generate", "alice", "--dir", stage.directory);
    await as(owner, "trust", "signer", "add", "--key", stage.path("alice.pub"), "alice", app);
    await as(owner, "push", "-q", "--from", `oci:${image.directory}`, `${app}:v2`);
    assert.deepEqual(await tags(app, reader), ["v1", "v2"]);
    lose(story, rootKey);
    const beforehand = traces(story);
    const [line = "", real = ""] = documentedLines(
      "docs/keys/lost-root.md",
      "The root key is lost, and there is not a spare",
    ).split("\n");
    const played = await recovered(story, ...lineOf(line, app));
    assert.deepEqual(seenIn(played), [`cached: ${refusedRoot} [ROOT_ROTATION_REFUSED]`, "new: same"]);
    assert.deepEqual(traces(story), beforehand);

    // A machine that never saw it is shown what it would take over, and remembers nothing before the answer.
    const newcomer: Record<string, string> = { ...stage.stranger(stage.fresh("newcomer")), ...passphrases };
    const asked = await stage.run(["trust", "recover", "--lost", "root", app], { env: newcomer });
    assert.match(
      asked.stdout,
      new RegExp(`^First contact with ${app}: .*\n  root certificate [0-9a-f]{64}\n${app}\n`, "u"),
    );
    assert.equal(existsSync(join(newcomer["DOCKER_CONFIG"] ?? "", "trust", "tuf")), false);
    assert.equal(asked.code, 1);

    const memory = join(owner["DOCKER_CONFIG"] ?? "", "trust", "tuf");
    cpSync(memory, stage.path("old-memory"), { recursive: true });
    const { code, stdout, stderr } = await recover(story, "--yes", ...lineOf(real, app));
    assert.equal(code, 0, stderr);
    assert.ok(
      stdout.includes(`refuses with exit status 3: "${refusedRoot}"\n    they need: tagseal trust delete ${app}\n`),
      stdout,
    );
    assert.match(stdout, new RegExp(`\nDeleted ${app} and made it again under a new root key, with 2 tags\n`, "u"));
    const refused = await stage.run(["list", app], { env: reader });
    assert.deepEqual([refused.code, refused.stderr.split("\n")[0]], [3, refusedRoot]);
    await as(reader, "trust", "delete", "--force", app);
    assert.deepEqual(await tags(app, reader), ["v1", "v2"]);
    const signers = json(await as(reader, "trust", "signer", "list", "--json", app)) as {
      name: string;
      usable: boolean;
    }[];
    assert.deepEqual(
      signers.map(({ name, usable }) => [name, usable]),
      [["alice", true]],
    );

    // Killed right after the publication: the server has the new root, and this machine remembers the old one.
    rmSync(memory, { recursive: true });
    cpSync(stage.path("old-memory"), memory, { recursive: true });
    const made = await keyOf(app, reader);
    const other = await recover(story, "--yes", "--leaked", "targets", app);
    assert.match(other.stderr, /Forget the old root here: tagseal trust delete .* \[ROOT_ROTATION_REFUSED\]/u);
    const late = await recover(story, "--yes", ...lineOf(real, app));
    assert.equal(late.code, 0, late.stderr);
    assert.deepEqual(await tags(app, owner), ["v1", "v2"]);
    assert.equal(await keyOf(app, owner), made, "it was not made a third time");

    // Killed right after the deletion on the server: this machine remembers what was in the repository.
    lose(story, await keyOf(app, owner));
    await as(stage.stranger(stage.fresh("administrator")), "trust", "delete", "--remote", "--force", app);
    assert.deepEqual(
      (await recovered(story, "--yes", "--lost", "root", app)).plan.map(({ step }) => step),
      ["restart"],
    );
    assert.deepEqual(await tags(app, owner), ["v1", "v2"]);
  });

  it("repository key lost or leaked, a signer's key leaked: replaced, and readers follow", async () => {
    const story = await told("team/targets");
    const { app, owner, reader, rootKey } = story;
    const ids = readdirSync(keyFiles(story)).map((name) => name.slice(0, 64));
    const targets = ids.find((id) => id !== rootKey) ?? "";
    lose(story, targets);
    const { plan } = await recovered(story, "--yes", "--lost", "targets", app);
    assert.deepEqual(plan, [{ step: "rotate", role: "targets", replacedKeys: [targets] }]);
    const done = await recovered(story, "--lost", "targets", "--lost", "snapshot", app);
    assert.deepEqual(
      done.results.map(({ step }) => step),
      ["none", "none"],
    );
    assert.deepEqual(await tags(app, reader), ["v1"]);
    const leaked = await recover(story, "--yes", "--leaked", "targets", "--leaked", "timestamp", "--remove-old", app);
    assert.match(leaked.stdout, /they need: tagseal trust log /u);
    assert.match(leaked.stdout, /\nRemoved the old private key \w{64}\n/u);
    await as(owner, "trust", "key", "generate", "bob", "--dir", stage.directory);
    await as(owner, "trust", "signer", "add", "--key", stage.path("bob.pub"), "bob", app);
    await as(owner, "push", "-q", "--from", `oci:${image.directory}`, `${app}:v2`);
    assert.deepEqual(seenIn(await recovered(story, "--rehearse", "--leaked", "bob", app)), [
      "cached: same",
      "new: same",
    ]);
    await recovered(story, "--yes", "--leaked", "bob", app);
    assert.deepEqual(await tags(app, reader), ["v1", "v2"]);
    const unknown = await recover(story, "--yes", "--lost", "carol", app);
    assert.match(unknown.stderr, /^no signer carol for repository /u);
  });

  it("I10: lets no other user of the machine read what a rehearsal signs", async () => {
    const story = await told("team/watched");
    const answers: Promise<number>[] = [];
    const ports = new Set<number>();
    // another user sees on which port a server listens, and asks it as any client may
    const watch = (message: unknown): void => {
      const port = (message as { readonly server: Server }).server.address();
      if (typeof port !== "object" || port === null || ports.has(port.port)) return;
      ports.add(port.port);
      if (port.port !== Number(new URL(stage.sandbox.serverUrl).port)) answers.push(statusOf(port.port, story.app));
    };
    subscribe("http.server.request.start", watch);
    const played = await recovered(story, "--rehearse", "--leaked", "targets", story.app).finally(() =>
      unsubscribe("http.server.request.start", watch),
    );
    assert.deepEqual(seenIn(played), ["cached: same", "new: same"]);
    assert.deepEqual(await Promise.all(answers), [401]);
  });

  it("asks what happened where it can, and wants to be told where it cannot", async () => {
    const story = await told("team/asked");
    const silent = await recover(story, story.app);
    assert.match(silent.stderr, /^give --lost, --leaked or --expired\nhint: /u);
    const answers = ["6", "y"];
    let shown = "";
    const prompter = {
      interactive: true,
      ask: async (question: string) => ((shown += question), answers.shift()),
      askSecret: async () => undefined,
      readAll: async () => "",
      tell: (text: string) => void (shown += text),
    };
    const { stdout } = await stage.ok(["trust", "recover", story.app], { env: story.owner, prompter });
    assert.match(shown, /^What happened\?\n {2}1 {2}the root key is lost[\s\S]*Number: Recover\? \[y\/N\] $/u);
    assert.match(stdout, /: renewed\n {2}targets until 20/u);
  });
});
