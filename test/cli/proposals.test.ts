/** Changes that several people sign, carried in files and kept by the trust server: a role that needs two of three keys. */
import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { documentedLines } from "../support/documented-lines.ts";
import { metricOf } from "../support/metric.ts";
import { makeSignerKey } from "../support/signer-key.ts";
import { createRootCertificate } from "../../src/crypto/root-certificate.ts";
import { captured } from "../../src/cli/captured-io.ts";
import { CliSandbox, json, type Outcome } from "./cli-sandbox.ts";

type Environment = Record<string, string>;

interface Change {
  readonly kind: string;
  readonly name: string;
  readonly before?: { readonly hashes?: { readonly sha256: string } };
  readonly after?: { readonly hashes?: { readonly sha256: string } };
}

interface Proposal {
  readonly id: string;
  readonly complete: boolean;
  readonly expires: string;
  readonly roles: readonly {
    readonly role: string;
    readonly version: { readonly before: number; readonly after: number };
    readonly changes: readonly Change[];
    readonly signatures: readonly {
      readonly threshold: number;
      readonly signed: readonly { readonly keyId: string; readonly here: boolean }[];
      readonly missing: readonly { readonly keyId: string }[];
    }[];
  }[];
}

interface Result {
  readonly state: string;
  readonly signedWith: readonly string[];
  readonly proposal: Proposal;
}

const people = ["alice", "bob", "carol"] as const;

/** A repository whose releases need two of three keys, each on a machine of its person; `mallory` has another key, `owner` the repository's. */
class SharedRepository {
  readonly stage: CliSandbox;
  readonly #machines = new Map<string, Environment>();
  readonly #keys = new Map<string, { readonly keyId: string; readonly publicKey: string }>();
  app = "";
  digest = "";
  other = "";

  /** For the suite that calls this. */
  constructor(name: string) {
    this.stage = CliSandbox.forSuite(name);
    before(async () => await this.#begin());
  }

  machine(name: string): Environment {
    return this.#machines.get(name) ?? assert.fail(name);
  }

  keyId(name: string): string {
    return this.#keys.get(name)?.keyId ?? assert.fail(name);
  }

  publicKey(name: string): string {
    return this.#keys.get(name)?.publicKey ?? assert.fail(name);
  }

  ok(name: string, ...argv: readonly string[]): Promise<Outcome> {
    return this.stage.ok(argv, { env: this.machine(name) });
  }

  run(name: string, ...argv: readonly string[]): Promise<Outcome> {
    return this.stage.run(argv, { env: this.machine(name) });
  }

  /** The digest that a newcomer takes the tag for, or why there is none. */
  async meaning(tag: string): Promise<string> {
    const env = this.stage.stranger();
    const { code, stdout, stderr } = await this.stage.run(["verify", "-q", `${this.app}:${tag}`], { env });
    return code === 0 ? stdout.trim() : (/\[([A-Z_]+)\]/u.exec(stderr)?.[1] ?? stderr);
  }

  async #begin(): Promise<void> {
    const { stage } = this;
    this.app = stage.repository("team/shared");
    const images = [await stage.image("1"), await stage.image("2")];
    for (const [index, image] of images.entries())
      await stage.ok(["push", "-q", "--from", `oci:${image.directory}`, `${this.app}:first-${index}`]);
    const list = json(await stage.ok(["list", "--json", this.app])) as readonly { tag: string; digest: string }[];
    const digestOf = (tag: string): string => list.find((entry) => entry.tag === tag)?.digest ?? assert.fail(tag);
    [this.digest, this.other] = [digestOf("first-0"), digestOf("first-1")];
    this.#machines.set("owner", { ...stage.sandbox.environment });
    for (const name of [...people, "mallory"]) {
      const env = stage.stranger(name);
      this.#machines.set(name, env);
      const dockerConfig = env["DOCKER_CONFIG"] ?? "";
      const passphrase = env["DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE"] ?? "";
      this.#keys.set(name, await makeSignerKey({ dockerConfig, passphrase, use: { role: name } }));
    }
    const files = people.map((name) => this.publicKey(name));
    const adding = ["trust", "delegation", "add", this.app, "targets/releases", ...files];
    await stage.ok([...adding, "--all-paths", "--threshold", "2"]);
  }
}

/** Publications that came as a difference, as the trust server counts them. */
async function differencesReceived({ sandbox: { environment } }: CliSandbox): Promise<number> {
  const url = environment["DOCKER_CONTENT_TRUST_SERVER"] ?? "";
  const ca = join(environment["DOCKER_CONFIG"] ?? "", "tls", new URL(url).host, "ca.crt");
  return await metricOf({ url, ca }, "tagseal_server_dcz_received_total");
}

describe("proposals in files", () => {
  const team = new SharedRepository("proposals");
  const { stage } = team;
  const { ok, run, machine } = {
    ok: team.ok.bind(team),
    run: team.run.bind(team),
    machine: team.machine.bind(team),
  };
  const meaning = (tag: string): Promise<string> => team.meaning(tag);
  const file = (): string => stage.path(`${stage.fresh("proposal")}.json`);
  let app = "";
  let digest = "";
  let other = "";
  before(() => void ({ app, digest, other } = team));
  const propose = async (tag: string, of = digest, name = "alice"): Promise<string> => {
    const path = file();
    await ok(name, "sign", "-q", "--propose", "--out", path, `${app}:${tag}@${of}`);
    return path;
  };

  it("signing with too few keys fails, publishes nothing, and names --propose", async () => {
    const { code, stderr } = await run("alice", "sign", `${app}:alone@${digest}`);
    assert.equal(code, 1);
    assert.match(stderr, /\[SIGNING_KEY_MISSING\]/u);
    assert.match(stderr, /--propose/u);
    assert.equal(await meaning("alone"), "TAG_NOT_SIGNED");
  });

  it("a second signature on another machine publishes what the first proposed", async () => {
    const path = file();
    const proposed = await ok("alice", "sign", "--propose", "--out", path, `${app}:1.0@${digest}`);
    assert.match(proposed.stdout, /\+ "1\.0": sha256:[0-9a-f]{64}, \d+ bytes/u);
    assert.match(proposed.stdout, /1 of 2 signatures/u);
    assert.equal(await meaning("1.0"), "TAG_NOT_SIGNED");
    const approved = await ok("bob", "trust", "approve", app, "--in", path, "--yes");
    assert.match(approved.stderr, /\+ "1\.0": sha256:/u, "the difference is shown");
    assert.match(approved.stdout, /Published/u);
    assert.equal(await meaning("1.0"), digest);
  });

  it("--json says what changes, who signed, and who is missing", async () => {
    const path = file();
    const result = json(
      await ok("alice", "sign", "--json", "--propose", "--out", path, `${app}:1.0@${other}`),
    ) as Result & { readonly file: string };
    assert.deepEqual([result.state, result.file], ["open", path]);
    const [role] = result.proposal.roles;
    assert.equal(role?.role, "targets/releases");
    assert.equal(role.version.after, role.version.before + 1);
    assert.deepEqual(
      role.changes.map(({ kind, name, before: old, after: now }) => [
        kind,
        name,
        old?.hashes?.sha256,
        now?.hashes?.sha256,
      ]),
      [["target", "1.0", digest.slice("sha256:".length), other.slice("sha256:".length)]],
    );
    const [signatures] = role.signatures;
    assert.deepEqual([signatures?.threshold, signatures?.signed.length, signatures?.missing.length], [2, 1, 2]);
    assert.equal(signatures?.signed[0]?.here, true);
  });

  it("an air gap: a machine without the server signs into another file, which anybody completes", async () => {
    const first = await propose("gap");
    await run("carol", "trust", "inspect", app);
    const second = file();
    const away = { ...machine("carol"), DOCKER_CONTENT_TRUST_SERVER: "https://127.0.0.1:1" };
    const signing = ["trust", "approve", app, "--in", first, "--out", second, "--yes", "--json"];
    const approved = json(await stage.ok(signing, { env: away })) as Result;
    assert.deepEqual([approved.state, approved.signedWith.length], ["complete", 1]);
    assert.equal(await meaning("gap"), "TAG_NOT_SIGNED", "nothing is published by --out");
    const published = json(
      await stage.ok(["trust", "approve", app, "--in", second, "--yes", "--json"], { env: stage.stranger() }),
    ) as Result;
    assert.deepEqual([published.state, published.signedWith], ["published", []]);
    assert.equal(await meaning("gap"), digest);
  });

  it("approving twice with one key is harmless and no second signature", async () => {
    const first = await propose("twice");
    const second = file();
    const again = json(
      await ok("alice", "trust", "approve", app, "--in", first, "--out", second, "--yes", "--json"),
    ) as Result;
    assert.deepEqual([again.state, again.signedWith], ["open", []]);
    assert.deepEqual(readFileSync(second), readFileSync(first));
  });

  it("asks before it signs, and any answer but y signs nothing", async () => {
    const first = await propose("asked");
    for (const [answer, code] of [
      ["", 1],
      ["n", 1],
      ["y", 0],
    ] as const) {
      const second = file();
      const outcome = await stage.run(["trust", "approve", app, "--in", first, "--out", second], {
        env: machine("bob"),
        prompter: {
          interactive: true,
          ask: async () => answer,
          askSecret: async () => undefined,
          readAll: async () => undefined,
          tell: () => undefined,
        },
      });
      assert.equal(outcome.code, code, outcome.stderr);
      if (code !== 0) {
        assert.match(outcome.stderr, /\[CANCELLED\]/u);
        assert.equal(existsSync(second), false);
      }
    }
  });

  it("a publication that overtook a proposal is said so", async () => {
    const [first, second] = [await propose("overtaken-1"), await propose("overtaken-2", other)];
    await ok("bob", "trust", "approve", app, "--in", second, "--yes");
    const { code, stderr } = await run("bob", "trust", "approve", app, "--in", first, "--yes");
    assert.equal(code, 1);
    assert.match(stderr, /hint: Propose the change again[^]*\[PROPOSAL_OVERTAKEN\]/u);
  });

  it("a proposal ends after two weeks", async () => {
    const first = await propose("late");
    const open = JSON.parse(readFileSync(first, "utf8"));
    assert.ok(Math.abs(Date.parse(open.expires) - Date.now() - 14 * 86_400_000) < 60_000);
    writeFileSync(first, JSON.stringify({ ...open, expires: new Date(Date.now() - 1000).toISOString() }));
    const { stderr } = await run("bob", "trust", "approve", app, "--in", first, "--out", file(), "--yes");
    assert.match(stderr, /\[PROPOSAL_EXPIRED\]/u);
  });

  it("keys that may not sign are refused, and incomplete proposals need --out", async () => {
    const first = await propose("rights");
    const stranger = await run("mallory", "trust", "approve", app, "--in", first, "--yes");
    assert.match(stranger.stderr, /\[SIGNING_KEY_MISSING\]/u);
    const incomplete = await run("alice", "trust", "approve", app, "--in", first, "--yes");
    assert.match(incomplete.stderr, /--out FILE[^]*\[USAGE\]/u);
    assert.equal(await meaning("rights"), "TAG_NOT_SIGNED");
  });

  it("I1, I9: what is no proposal, or was changed on the way, is refused before anything is asked", async () => {
    const path = await propose("tampered");
    const text = readFileSync(path, "utf8");
    const document = JSON.parse(text);
    const [[role, signed]] = Object.entries(document.files) as [[string, Record<string, never>]];
    const variants: readonly (readonly [string, string])[] = [
      ["nothing", ""],
      ["no JSON", "{"],
      ["another format", JSON.stringify({ ...document, tagsealProposal: 2 })],
      ["another repository", JSON.stringify({ ...document, gun: "example.com/other" })],
      ["no file", JSON.stringify({ ...document, files: {} })],
      ["another role", JSON.stringify({ ...document, files: { targets: signed } })],
      ["the timestamp", JSON.stringify({ ...document, files: { timestamp: signed } })],
      ["a changed digest", text.replace(/"length":\d+/u, '"length":7')],
      ["an extra member", text.replace('"_type":"Targets"', '"_type":"Targets","extra":1')],
      ["no signature", JSON.stringify({ ...document, files: { [role]: { ...signed, signatures: [] } } })],
      ["a duplicate member", text.replace('"gun":', '"gun":"example.com/other","gun":')],
    ];
    for (const [what, content] of variants) {
      const changed = file();
      writeFileSync(changed, content);
      const { code, stdout, stderr } = await run("bob", "trust", "approve", app, "--in", changed, "--yes");
      assert.equal(code, 1, what);
      assert.match(stderr, /\[PROPOSAL_MALFORMED\]/u, what);
      assert.equal(stdout, "", what);
    }
  });

  it("revoke --propose removes a tag when enough have signed", async () => {
    const signing = await propose("revoked");
    await ok("bob", "trust", "approve", app, "--in", signing, "--yes");
    const path = file();
    const proposed = await ok("alice", "trust", "revoke", "--out", path, `${app}:revoked`);
    assert.match(proposed.stdout, /- "revoked": sha256:/u);
    await ok("carol", "trust", "approve", app, "--in", path, "--yes");
    assert.equal(await meaning("revoked"), "TAG_NOT_SIGNED");
  });

  it("says so when there is nothing to propose, and never overwrites a file", async () => {
    const { stdout } = await ok("alice", "sign", "--propose", "--out", file(), `${app}:gap@${digest}`);
    assert.match(stdout, /^Nothing to propose/mu);
    const taken = team.publicKey("alice");
    const { stderr } = await run("alice", "sign", "--propose", "--out", taken, `${app}:new@${digest}`);
    assert.match(stderr, /\[FILE_UNWRITABLE\]/u);
  });

  it("a complete one is published as the difference from what is current", async () => {
    const tags = Array.from({ length: 40 }, (_, at) => `${app}:many-${at}@${digest}`);
    const [many, next] = [file(), file()];
    await ok("alice", "sign", "-q", "--propose", "--out", many, ...tags);
    await ok("bob", "trust", "approve", app, "--in", many, "--yes");
    const before = await differencesReceived(stage);
    await ok("alice", "sign", "-q", "--propose", "--out", next, `${app}:next@${digest}`);
    await ok("bob", "trust", "approve", app, "--in", next, "--yes");
    assert.equal(await differencesReceived(stage), before + 1);
    assert.deepEqual([await meaning("next"), await meaning("many-39")], [digest, digest]);
  });
});

describe("proposals that the trust server keeps", () => {
  const team = new SharedRepository("kept-proposals");

  it("the second person finds it, sees who is missing, and approves it by the beginning of its ID", async () => {
    const { app, digest } = team;
    const proposed = json(await team.ok("alice", "sign", "--json", "--propose", `${app}:1.0@${digest}`)) as Result;
    assert.equal(proposed.state, "open");
    assert.equal(await team.meaning("1.0"), "TAG_NOT_SIGNED");
    const { proposals } = json(await team.ok("bob", "trust", "proposals", "--json", app)) as {
      proposals: readonly Proposal[];
    };
    assert.deepEqual(
      proposals.map(({ id, complete }) => [id, complete]),
      [[proposed.proposal.id, false]],
    );
    const shown = (await team.ok("bob", "trust", "proposals", app)).stdout;
    assert.match(shown, /\+ "1\.0": sha256:[^]*1 of 2 signatures[^]*missing 1 of: /u);
    const id = proposed.proposal.id.slice(0, 12);
    const approved = json(await team.ok("bob", "trust", "approve", app, id, "--yes", "--json")) as Result;
    assert.deepEqual([approved.state, approved.signedWith], ["published", [team.keyId("bob")]]);
    assert.equal(await team.meaning("1.0"), digest);
    assert.match((await team.ok("bob", "trust", "proposals", app)).stdout, /^No proposals/u);
  });

  it("approving twice is harmless, and a key that may not sign is refused", async () => {
    const { app, digest } = team;
    const { proposal } = json(
      await team.ok("alice", "sign", "--json", "--propose", `${app}:twice@${digest}`),
    ) as Result;
    const again = json(await team.ok("alice", "trust", "approve", app, proposal.id, "--yes", "--json")) as Result;
    assert.deepEqual([again.state, again.signedWith], ["open", []]);
    const refused = await team.run("mallory", "trust", "approve", app, proposal.id, "--yes");
    assert.match(refused.stderr, /\[SIGNING_KEY_MISSING\]/u);
    await team.ok("carol", "trust", "approve", app, proposal.id, "--yes");
    assert.equal(await team.meaning("twice"), digest);
    const gone = await team.run("bob", "trust", "approve", app, proposal.id, "--yes");
    assert.match(gone.stderr, /\[PROPOSAL_NOT_FOUND\]/u);
  });

  it("what is withdrawn is gone, and what was overtaken is listed as that", async () => {
    const { app, digest } = team;
    const propose = async (tag: string): Promise<string> =>
      (json(await team.ok("alice", "sign", "--json", "--propose", `${app}:${tag}@${digest}`)) as Result).proposal.id;
    const [withdrawn, overtaken, published] = [await propose("w"), await propose("o"), await propose("p")];
    const { stdout } = await team.ok("bob", "trust", "withdraw", app, withdrawn.slice(0, 7));
    assert.match(stdout, /^Withdrew proposal/u);
    await team.ok("bob", "trust", "approve", app, published, "--yes");
    const { proposals } = json(await team.ok("bob", "trust", "proposals", "--json", app)) as {
      proposals: readonly { id: string; error?: { code: string } }[];
    };
    assert.deepEqual(
      proposals.map(({ id, error }) => [id, error?.code]),
      [[overtaken, "PROPOSAL_OVERTAKEN"]],
    );
    const late = await team.run("carol", "trust", "approve", app, overtaken, "--yes");
    assert.match(late.stderr, /\[PROPOSAL_OVERTAKEN\]/u);
    await team.ok("bob", "trust", "withdraw", app, overtaken);
  });

  it("the page about keys, line by line", async () => {
    const { app, digest, stage } = team;
    const words = (line: string, id = ""): string[] =>
      line
        .replaceAll("registry.example.com/team/app", app)
        .replace("$DIGEST", digest)
        .replace(/ ID$/u, ` ${id}`)
        .replaceAll(/(\w+)\.pub/gu, (_file, name: string) => team.publicKey(name))
        .replaceAll(/(proposal|signed)\.json/gu, (file) => stage.path(file))
        .split(" ")
        .slice(1);
    const say = async (name: string, line: string | undefined, id?: string): Promise<string> => {
      const env = team.machine(name);
      const prompter = { ...captured({ env, now: () => new Date() }).io.prompter, ask: async () => "y" };
      return (await stage.ok(words(line ?? assert.fail(), id), { env, prompter })).stdout;
    };
    await say("owner", documentedLines("docs/keys.md", "Several people sign").trim());
    const proposed = await say("alice", documentedLines("docs/keys.md", "Several people sign", 2).trim());
    const id = /approve \S+ ([0-9a-f]{12})$/mu.exec(proposed)?.[1] ?? assert.fail(proposed);
    const [list, approve] = documentedLines("docs/keys.md", "Several people sign", 3).trim().split("\n");
    assert.match(await say("bob", list), new RegExp(id, "u"));
    await say("bob", approve, id);
    const [first, second, third] = documentedLines("docs/keys.md", "Several people sign", 4).trim().split("\n");
    await say("alice", first);
    await say("bob", second);
    await say("carol", third);
    for (const tag of ["2.0", "3.0"]) assert.equal(await team.meaning(tag), digest);
  });

  it("the owner who holds the snapshot key publishes what is complete", async () => {
    const { app, digest } = team;
    await team.ok("owner", "trust", "key", "rotate", "--publisher-managed", app, "snapshot");
    const { proposal } = json(await team.ok("alice", "sign", "--json", "--propose", `${app}:4.0@${digest}`)) as Result;
    const approved = await team.ok("bob", "trust", "approve", app, proposal.id, "--yes");
    assert.match(approved.stdout, /the owner has the snapshot key/u);
    assert.equal(await team.meaning("4.0"), "TAG_NOT_SIGNED");
    const published = json(await team.ok("owner", "trust", "approve", app, proposal.id, "--yes", "--json")) as Result;
    assert.deepEqual([published.state, published.signedWith], ["published", []]);
    assert.equal(await team.meaning("4.0"), digest);
    assert.match((await team.ok("bob", "trust", "proposals", app)).stdout, /^No proposals/u);
  });
});

describe("proposals for root and targets", () => {
  const stage = CliSandbox.forSuite("root-proposals");
  const machines = new Map<string, Environment>();
  let app: string;
  const machine = (name: string): Environment => machines.get(name) ?? assert.fail(name);
  const ok = (name: string, ...argv: readonly string[]): Promise<Outcome> => stage.ok(argv, { env: machine(name) });
  const made = async (name: string, role: string) => {
    const env = machine(name);
    const variable = `DOCKER_CONTENT_TRUST_${role === "root" ? "ROOT" : "REPOSITORY"}_PASSPHRASE`;
    return await makeSignerKey({
      dockerConfig: env["DOCKER_CONFIG"] ?? "",
      passphrase: env[variable] ?? "",
      use: { role },
    });
  };
  const rotate = async (...argv: readonly string[]): Promise<Result> =>
    json(await ok("owner", "trust", "key", "rotate", "--json", "--propose", ...argv)) as Result;
  const approve = async (name: string, id: string): Promise<Result> =>
    json(await ok(name, "trust", "approve", app, id, "--yes", "--json")) as Result;
  const roles = ({ proposal }: Result) =>
    proposal.roles.map(({ role, signatures }) => [
      role,
      ...signatures.map(({ threshold, signed }) => `${signed.length} of ${threshold}`),
    ]);
  const digestOf = async (tag: string): Promise<string> =>
    (await stage.ok(["verify", "-q", `${app}:${tag}`], { env: stage.stranger() })).stdout.trim();

  before(async () => {
    app = stage.repository("team/rooted");
    const image = await stage.image("1");
    await stage.ok(["push", "-q", "--from", `oci:${image.directory}`, `${app}:first`]);
    machines.set("owner", { ...stage.sandbox.environment });
    for (const name of ["alice", "carol"]) machines.set(name, stage.stranger(name));
  });

  it("several keys sign targets and, after that, root: each change is complete when enough keys have signed both", async () => {
    const [mine, alices] = [await made("owner", "owner"), await made("alice", "alice")];
    const warm = stage.stranger();
    await stage.ok(["verify", "-q", `${app}:first`], { env: warm });
    const targets = await rotate("--threshold", "2", "--key", mine.keyId, "--key", alices.publicKey, app, "targets");
    assert.equal(targets.state, "open");
    assert.deepEqual(roles(targets), [
      ["root", "1 of 1"],
      ["targets", "1 of 2"],
    ]);
    assert.equal((await approve("alice", targets.proposal.id)).state, "published");

    const digest = await digestOf("first");
    const tag = json(await ok("owner", "sign", "--json", "--propose", `${app}:second@${digest}`)) as Result;
    assert.deepEqual(roles(tag), [["targets", "1 of 2"]]);
    assert.equal((await approve("alice", tag.proposal.id)).state, "published");
    assert.equal(await digestOf("second"), digest);

    const carols = await made("carol", "root");
    const certificate = stage.path("carol.crt");
    writeFileSync(certificate, await createRootCertificate(carols.key, app, new Date()));
    const { keys } = json(await ok("owner", "trust", "key", "list", "--json")) as {
      keys: readonly { keyId: string; role: string }[];
    };
    const root = keys.find(({ role }) => role === "root")?.keyId ?? assert.fail();
    const both = await rotate("--threshold", "2", "--key", root, "--key", certificate, app, "root");
    assert.equal(both.state, "open");
    assert.deepEqual(roles(both), [["root", "1 of 2", "1 of 1"]]);
    assert.equal((await approve("carol", both.proposal.id)).state, "published");

    const alone = await stage.run(["trust", "key", "rotate", "--threshold", "1", app, "targets"], {
      env: machine("owner"),
    });
    assert.match(alone.stderr, /--propose[^]*\[SIGNING_KEY_MISSING\]/u);
    const back = await rotate("--threshold", "1", app, "targets");
    assert.deepEqual(roles(back), [
      ["root", "1 of 2"],
      ["targets", "1 of 1"],
    ]);
    assert.equal((await approve("carol", back.proposal.id)).state, "published");
    assert.equal((await stage.ok(["verify", "-q", `${app}:second`], { env: warm })).stdout.trim(), digest);
  });

  it("refuses what only a publication can do", async () => {
    for (const [words, hint] of [
      [["--remove-old", app, "targets"], /the old keys are kept/u],
      [[app, "snapshot"], /root and targets/u],
      [["--all-with-key", "0".repeat(64)], /in each repository/u],
    ] as const) {
      const argv = ["trust", "key", "rotate", "--propose", ...words];
      const { code, stderr } = await stage.run(argv, { env: machine("owner") });
      assert.equal(code, 1);
      assert.match(stderr, hint);
      assert.match(stderr, /\[USAGE\]/u);
    }
  });
});
