/** A proposal warns of what the same change warns of when it is published at once: proposer, list, and the approver before the question. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { makeSignerKey } from "../support/signer-key.ts";
import { CliSandbox, json, type Outcome } from "./cli-sandbox.ts";

interface Proposed {
  readonly state: string;
  readonly proposal: { readonly id: string; readonly warnings: readonly string[] };
}

/** The warnings on standard error, or in a proposal as text; and the notes before a question, which warn as well. */
const warningsIn = (text: string): string[] => {
  const found = [...text.matchAll(/^(?: {2})?(?:warning|note): (.*)$/gmu)].map(([, message = ""]) => message);
  // The reading after a publication repeats that something does not count.
  return [...new Set(found)].filter((text) => !text.startsWith("Error getting ")).sort();
};

describe("warnings of proposals", () => {
  const stage = CliSandbox.forSuite("proposal-warnings");
  const people = new Map<
    string,
    { readonly env: Record<string, string>; readonly keyId: string; readonly file: string }
  >();
  /** one key signs targets of the first, two that of the second */
  let [direct, shared] = ["", ""];
  let digest = "";

  const person = (name: string) => people.get(name) ?? assert.fail(name);
  const ok = (name: string, ...argv: readonly string[]): Promise<Outcome> => stage.ok(argv, { env: person(name).env });
  const published = (warnings: readonly string[], app: string): string[] =>
    warnings.map((text) => text.replaceAll(app, "APP").replaceAll(direct, "APP"));

  /** The change at once in the one repository, and proposed in the other: what the approver sees is what the direct publication said. */
  const compared = async (...argv: readonly string[]): Promise<readonly string[]> => {
    const words = (app: string): string[] => argv.map((word) => word.replace("APP", app));
    const said = published(warningsIn((await ok("owner", "trust", ...words(direct))).stderr), direct);
    const { stdout, stderr } = await ok("owner", "trust", ...words(shared), "--propose", "--json");
    const parsed = JSON.parse(stdout) as Proposed | readonly Proposed[];
    const { proposal } = "state" in parsed ? parsed : (parsed[0] ?? assert.fail());
    const same = (seen: readonly string[], who: string): void => {
      const texts = published(seen, shared);
      // An approver sees which entries come back and which are lost, where some publications only say that some may.
      const more = /^what was signed in |^\d+ entr\w+ of \S+ (?:is|are) not trusted|^\S+ will have \d of the \d keys/u;
      const isMore = (text: string): boolean => more.test(text) && !said.includes(text);
      assert.deepEqual(texts.filter((text) => !isMore(text)).sort(), said, who);
    };
    same(warningsIn(stderr), "the proposer");
    const listed = (await ok("alice", "trust", "proposals", shared)).stdout;
    same(warningsIn(listed), "the list");
    same(proposal.warnings, "JSON");
    const id = proposal.id.slice(0, 12);
    const declined = await stage.run(["trust", "approve", shared, id], { env: person("alice").env });
    assert.match(declined.stderr, /\[CANCELLED\]/u);
    same(warningsIn(declined.stderr), "the approver, before the question");
    await ok("alice", "trust", "approve", shared, id, "--yes");
    return said;
  };

  before(async () => {
    [direct, shared] = [stage.repository("warned/direct"), stage.repository("warned/shared")];
    await stage.publish(await stage.image("1"), `${direct}:first`, `${shared}:first`);
    for (const name of ["owner", "alice", "carol", "dave", "erin"]) {
      const env = name === "owner" ? { ...stage.sandbox.environment } : stage.stranger(name);
      const passphrase = env["DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE"] ?? "";
      const dockerConfig = env["DOCKER_CONFIG"] ?? "";
      const { keyId, publicKey: file } = await makeSignerKey({ dockerConfig, passphrase, use: { role: name } });
      people.set(name, { env, keyId, file });
    }
    digest = (await ok("alice", "verify", "-q", `${shared}:first`)).stdout.trim();
  });

  it("all keys of a role must sign", async () => {
    const keys = ["--key", person("owner").keyId, "--key", person("alice").file];
    const rotation = ["trust", "key", "rotate", "--threshold", "2", ...keys, shared, "targets"];
    const { stdout, stderr } = await ok("owner", ...rotation, "--propose", "--json");
    const { proposal } = JSON.parse(stdout) as Proposed;
    const expected = [
      "all 2 keys of targets must sign: if one is lost, it cannot be signed until that key is replaced",
    ];
    assert.deepEqual(warningsIn(stderr), expected);
    const approved = await ok("alice", "trust", "approve", shared, proposal.id, "--yes");
    assert.deepEqual(warningsIn(approved.stderr), expected);
  });

  it("a delegation without paths, and without releases", async () => {
    const said = await compared("delegation", "add", "APP", "targets/dev", person("dave").file);
    assert.equal(said.length, 2);
    assert.match(said.join("\n"), /clients take none of them[^]*has no paths/u);
    const removed = await compared("delegation", "remove", "--force", "APP", "targets/dev");
    assert.deepEqual(removed, ["no delegation is left: the repository key signs tags again"]);
  });

  it("a delegation with fewer keys than its threshold, and entries that count no longer", async () => {
    const files = ["dave", "erin"].map((name) => person(name).file);
    await compared("delegation", "add", "APP", "targets/dev", ...files, "--all-paths");
    for (const app of [direct, shared]) await ok("dave", "trust", "sign", `${app}:first`);
    const removal = ["delegation", "remove", "--force", "APP", "targets/dev"];
    const lost = await compared(...removal, person("dave").keyId);
    assert.ok(
      lost.includes("1 entry of targets/dev does not count until a remaining key signs again"),
      lost.join("\n"),
    );
    const none = await compared(...removal, person("erin").keyId);
    assert.ok(none.some((text) => text.startsWith("role targets/dev has fewer keys than its threshold of 1")));
    await compared(...removal);
    const again = await compared("delegation", "add", "APP", "targets/dev", person("dave").file, "--all-paths");
    assert.ok(again.some((text) => text.startsWith("targets/dev existed before")));
    const removed = await compared(...removal);
    assert.ok(removed.includes("1 entry of targets/dev is not trusted any more"), removed.join("\n"));
  });

  it("a tag that is signed where clients do not look, and a role that starts empty", async () => {
    await compared("delegation", "add", "APP", "targets/dev", person("erin").file, "--all-paths");
    const said = warningsIn((await ok("erin", "sign", `${direct}:second@${digest}`)).stderr);
    assert.match(said.join("\n"), /it is not in targets\/releases\n.* it starts empty, without the entry it had/u);
    const path = stage.path("signing.json");
    await ok("erin", "sign", "--out", path, `${shared}:second@${digest}`);
    const listed = warningsIn((await ok("alice", "trust", "proposals", shared, "--in", path)).stdout);
    assert.deepEqual(published(listed, shared), published(said, direct));
    await ok("erin", "trust", "approve", shared, "--in", path, "--yes");
    await compared("delegation", "remove", "--force", "APP", "targets/dev");
  });

  it("signers: the last one goes, and comes back with what was signed before", async () => {
    const adding = ["signer", "add", "--key", person("carol").file, "carol", "APP"];
    assert.deepEqual(await compared(...adding), []);
    for (const app of [direct, shared]) await ok("carol", "trust", "sign", `${app}:first`);
    const removed = await compared("signer", "remove", "--force", "carol", "APP");
    assert.ok(removed.some((text) => text.startsWith("APP has no signer left: ")));
    const back = await compared(...adding);
    assert.ok(back.includes("what was signed in targets/carol of APP before counts again with these keys: first"));
  });

  it("a file that is still signed elsewhere", async () => {
    const content = person("owner").file;
    await compared("target", "add", "APP", "files/readme", content, "--role", "targets");
    for (const app of [direct, shared])
      await ok("carol", "trust", "target", "add", app, "files/readme", content, "--role", "targets/carol");
    const said = await compared("target", "remove", "APP", "files/readme", "--role", "targets");
    assert.deepEqual(said, ["files/readme is still signed, in targets/carol"]);
  });

  it("changes that another tool staged on this machine", async () => {
    const directory = join(person("alice").env["DOCKER_CONFIG"] ?? "", "trust", "tuf", shared, "changelist");
    mkdirSync(directory, { recursive: true });
    const change = { action: "delete", role: "targets", type: "target", path: "old", data: null };
    writeFileSync(join(directory, "00000001_0001.change"), JSON.stringify(change));
    const { proposal } = json(
      await ok("owner", "trust", "witness", "--propose", "--json", shared, "targets"),
    ) as Proposed;
    const { stderr } = await ok("alice", "trust", "approve", shared, proposal.id, "--yes");
    assert.match(stderr, /warning: another tool staged 1 change for \S+ on this machine: not published now/u);
  });
});
