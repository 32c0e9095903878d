/** Signers, delegations and targets of a repository whose targets role needs two of three keys, each on a machine of its person. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { before, describe, it } from "node:test";
import { makeSignerKey } from "../support/signer-key.ts";
import { CliSandbox, json, type Outcome } from "./cli-sandbox.ts";

interface Result {
  readonly repository: string;
  readonly state: string;
  readonly signer?: string;
  readonly proposal: {
    readonly id: string;
    readonly roles: readonly {
      readonly role: string;
      readonly changes: readonly { readonly kind: string; readonly name: string }[];
    }[];
  };
}

type Made = Awaited<ReturnType<typeof makeSignerKey>>;

describe("proposals of signers, delegations and targets", () => {
  const stage = CliSandbox.forSuite("proposed-delegations");
  const machines = new Map<string, { readonly env: Record<string, string>; readonly made: Made }>();
  let app = "";
  let digest = "";
  const machine = (name: string) => machines.get(name) ?? assert.fail(name);
  const ok = (name: string, ...argv: readonly string[]): Promise<Outcome> => stage.ok(argv, { env: machine(name).env });
  const run = (name: string, ...argv: readonly string[]): Promise<Outcome> =>
    stage.run(argv, { env: machine(name).env });
  const proposed = async (...argv: readonly string[]): Promise<Result> =>
    json(await ok("owner", "trust", ...argv, "--json")) as Result;
  const approve = async (name: string, ...which: readonly string[]): Promise<string> =>
    (json(await ok(name, "trust", "approve", app, ...which, "--yes", "--json")) as Result).state;
  const file = (): string => stage.path(`${stage.fresh("proposal")}.json`);
  const changes = ({ proposal }: Result): string[] =>
    proposal.roles.flatMap(({ role, changes: all }) => all.map(({ kind, name }) => `${role}: ${kind} ${name}`));
  const names = async (what: "signer" | "target"): Promise<string[]> => {
    const listed = json(await ok("alice", "trust", what, "list", "--json", app)) as readonly { name: string }[];
    return listed.map(({ name }) => name).sort();
  };
  const delegation = async (wanted: string): Promise<{ keys: readonly { keyId: string }[] } | undefined> => {
    const listed = json(await ok("alice", "trust", "delegation", "list", "--json", app));
    return (listed as readonly { role: string; keys: readonly { keyId: string }[] }[]).find(
      ({ role }) => role === wanted,
    );
  };
  const needsOthers = async (...argv: readonly string[]): Promise<void> => {
    const { code, stderr } = await run("owner", "trust", ...argv);
    assert.equal(code, 1, argv.join(" "));
    assert.match(stderr, /--propose[^]*\[SIGNING_KEY_MISSING\]/u, argv.join(" "));
  };

  before(async () => {
    app = stage.repository("team/several");
    await stage.publish(await stage.image("1"), `${app}:first`);
    for (const name of ["owner", "alice", "carol", "mallory", "dave", "erin"]) {
      const env = name === "owner" ? { ...stage.sandbox.environment } : stage.stranger(name);
      const passphrase = env["DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE"] ?? "";
      const made = await makeSignerKey({ dockerConfig: env["DOCKER_CONFIG"] ?? "", passphrase, use: { role: name } });
      machines.set(name, { env, made });
    }
    const { made } = machine("owner");
    const keys = [made.keyId, machine("alice").made.publicKey, machine("carol").made.publicKey];
    const rotation = ["key", "rotate", "--propose", "--threshold", "2", ...keys.flatMap((key) => ["--key", key])];
    assert.equal(await approve("alice", (await proposed(...rotation, app, "targets")).proposal.id), "published");
    digest = (await ok("alice", "verify", "-q", `${app}:first`)).stdout.trim();
  });

  it("a signer is added by a proposal that the server keeps, and by none but a key of the repository", async () => {
    const dave = ["signer", "add", "--key", machine("dave").made.publicKey, "dave", app];
    await needsOthers(...dave);
    const [result] = json(await ok("owner", "trust", ...dave, "--propose", "--json")) as readonly Result[];
    assert.ok(result !== undefined);
    assert.deepEqual([result.repository, result.signer, result.state], [app, "dave", "open"]);
    assert.deepEqual(changes(result).slice(0, 2), [
      "targets: delegation targets/dave",
      "targets: delegation targets/releases",
    ]);
    for (const wrong of ["mallory", "dave"]) {
      const refused = await run(wrong, "trust", "approve", app, result.proposal.id, "--yes");
      assert.match(refused.stderr, /\[SIGNING_KEY_MISSING\]/u);
    }
    assert.deepEqual(await names("signer"), []);
    assert.equal(await approve("alice", result.proposal.id), "published");
    assert.deepEqual(await names("signer"), ["dave"]);
    assert.match((await ok("owner", "trust", ...dave, "--propose")).stdout, /^Nothing to propose/u);
    await ok("dave", "sign", "-q", `${app}:second@${digest}`);
    const reader = { env: stage.stranger() };
    assert.equal((await stage.ok(["verify", "-q", `${app}:second`], reader)).stdout.trim(), digest);
  });

  it("a signer is added by a file, and removed; the last one only after a question", async () => {
    const path = file();
    const erin = ["signer", "add", "--key", machine("erin").made.publicKey, "--out", path, "erin"];
    const several = await run("owner", "trust", ...erin, app, stage.repository("team/other"));
    assert.match(several.stderr, /one repository[^]*\[USAGE\]/u);
    const { stdout } = await ok("owner", "trust", ...erin, app);
    assert.match(stdout, /\+ delegation targets\/erin: [^]*1 of 2 signatures[^]*trust approve \S+ --in /u);
    const refused = await run("mallory", "trust", "approve", app, "--in", path, "--yes");
    assert.match(refused.stderr, /\[SIGNING_KEY_MISSING\]/u);
    assert.deepEqual(await names("signer"), ["dave"]);
    assert.equal(await approve("carol", "--in", path), "published");
    assert.deepEqual(await names("signer"), ["dave", "erin"]);

    const removal = file();
    const declined = await run("owner", "trust", "signer", "remove", "--out", removal, "dave", app);
    assert.match(declined.stderr, /dave was not removed from [^]*\[CANCELLED\]/u);
    assert.equal(existsSync(removal), false);
    await needsOthers("signer", "remove", "--force", "dave", app);
    await ok("owner", "trust", "signer", "remove", "--force", "--out", removal, "dave", app);
    assert.deepEqual(await names("signer"), ["dave", "erin"]);
    assert.equal(await approve("alice", "--in", removal), "published");
    assert.deepEqual(await names("signer"), ["erin"]);
  });

  it("a removed signer's old tags come back only with a warning to the one who proposes", async () => {
    const { env, made } = machine("owner");
    const adding = ["signer", "add", "--propose", "--key", machine("dave").made.publicKey, "dave", app];
    assert.match(
      (await ok("owner", "trust", ...adding)).stderr,
      /warning: what was signed in targets\/dave .*: second\n/u,
    );
    // a machine that has the key starts the role empty when it publishes, and cannot in a proposal
    const own = [
      "signer",
      "add",
      "--json",
      "--propose",
      "--key",
      made.publicKey,
      "--key",
      machine("dave").made.publicKey,
    ];
    const [result] = json(await stage.ok(["trust", ...own, "dave", app], { env })) as readonly Result[];
    assert.deepEqual(
      result?.proposal.roles.map(({ role }) => role),
      ["targets"],
    );
    assert.equal(result?.state, "open");
  });

  it("a delegation is added, loses a key everywhere, and is removed", async () => {
    const dev = ["delegation", "add", app, "targets/dev"];
    const files = ["dave", "erin"].map((name) => machine(name).made.publicKey);
    await needsOthers(...dev, ...files, "--paths", "nightly-");
    const added = await proposed(...dev, ...files, "--paths", "nightly-", "--propose");
    assert.ok(changes(added).includes("targets: delegation targets/dev"));
    assert.equal(await approve("carol", added.proposal.id), "published");
    const { keyId } = machine("dave").made;
    assert.equal((await delegation("targets/dev"))?.keys.length, 2);

    const purge = ["delegation", "purge", "--key", keyId, app];
    await needsOthers(...purge, "--force");
    const asked = await run("owner", "trust", ...purge, "--propose");
    assert.match(asked.stderr, /note: the keys are in [^]*nothing was removed[^]*\[CANCELLED\]/u);
    const purged = await proposed(...purge, "--force", "--propose");
    assert.equal(await approve("alice", purged.proposal.id), "published");
    assert.deepEqual(
      (await delegation("targets/dev"))?.keys.map((key) => key.keyId),
      [machine("erin").made.keyId],
    );

    const removal = ["delegation", "remove", "--force", app, "targets/dev"];
    await needsOthers(...removal);
    const path = file();
    await ok("owner", "trust", ...removal, "--out", path);
    assert.notEqual(await delegation("targets/dev"), undefined);
    assert.equal(await approve("alice", "--in", path), "published");
    assert.equal(await delegation("targets/dev"), undefined);
  });

  it("a file is signed, and its signature removed", async () => {
    const content = machine("owner").made.publicKey;
    const add = ["target", "add", app, "files/readme", content];
    await needsOthers(...add);
    const added = await proposed(...add, "--propose");
    assert.deepEqual(changes(added), ["targets: target files/readme"]);
    assert.ok(!(await names("target")).includes("files/readme"));
    assert.equal(await approve("carol", added.proposal.id), "published");
    assert.ok((await names("target")).includes("files/readme"));

    const remove = ["target", "remove", app, "files/readme"];
    await needsOthers(...remove);
    const path = file();
    await ok("owner", "trust", ...remove, "--out", path);
    assert.equal(await approve("alice", "--in", path), "published");
    assert.ok(!(await names("target")).includes("files/readme"));
  });
});
