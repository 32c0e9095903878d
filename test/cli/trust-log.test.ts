/** The history of tags: from the versions that the trust server keeps, each verified against the root of its time. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { openTrustContext } from "../../src/trust/open-trust-context.ts";
import { tagHistory } from "../../src/trust/reading/tag-history.ts";
import type { TrustRepository } from "../../src/trust/ports.ts";
import type { TrustContext } from "../../src/trust/trust-context.ts";
import { imageArgument } from "../../src/cli/options/image.ts";
import { fromEnvironment } from "../../src/keys/passphrase-sources.ts";
import { CliSandbox, type Outcome } from "./cli-sandbox.ts";

const dayMs = 86_400_000;
const start = Date.parse("2026-11-01T12:00:00Z");
let time = start;
const now = (): Date => new Date(time);
const day = (count: number): string => new Date(start + count * dayMs).toISOString().replace(".000Z", "Z");

describe("trust log", () => {
  let stage: CliSandbox;
  let app: string;
  const digests: string[] = [];

  const ok = (...argv: readonly string[]): Promise<Outcome> => stage.ok(argv, { now });
  const push = async (version: string, tag: string): Promise<void> => {
    const image = await stage.image(version);
    digests.push(image.manifestDigest);
    await ok("push", "-q", "--from", `oci:${image.directory}`, `${app}:${tag}`);
  };

  const open = async (repository?: (real: TrustRepository) => TrustRepository): Promise<TrustContext> => {
    const { reference } = imageArgument(app);
    const env = stage.sandbox.environment;
    const options = { reference, env, dockerConfigDir: env["DOCKER_CONFIG"] ?? "", now, access: "admin" } as const;
    const real = await openTrustContext({ ...options, passphrases: fromEnvironment(env) });
    return repository === undefined ? real : { ...real, repository: repository(real.repository) };
  };

  /** Day 0: v1 is image 1. Day 1: image 2. Day 2: the root is rotated. Day 3: v2. Day 4: v1 is removed. Day 5: v1 is image 1 again. */
  before(async () => {
    stage = await CliSandbox.start("trust-log", now);
    app = stage.repository("team/log");
    await push("1", "v1");
    time = start + dayMs;
    await push("2", "v1");
    time = start + 2 * dayMs;
    await ok("trust", "key", "rotate", app, "root");
    time = start + 3 * dayMs;
    await push("3", "v2");
    time = start + 4 * dayMs;
    await ok("trust", "revoke", `${app}:v1`);
    time = start + 5 * dayMs;
    await ok("sign", `${app}:v1@${digests[0]}`);
  });
  after(() => stage[Symbol.asyncDispose]());

  const rows = (stdout: string): string[][] =>
    stdout
      .trimEnd()
      .split("\n")
      .slice(1)
      .map((line) => line.split(/ {2,}/u));

  it("shows each digest that a tag meant, from when to when, across a new root", async () => {
    const { stdout, stderr } = await ok("trust", "log", `${app}:v1`);
    assert.deepEqual(rows(stdout), [
      ["v1", digests[0], day(5), "now", "(Repo Admin)"],
      ["v1", digests[1], day(1), day(4), "(Repo Admin)"],
      ["v1", digests[0], day(0), day(1), "(Repo Admin)"],
    ]);
    assert.equal(stderr, "This is all since the repository was created.\n");
  });

  it("shows all tags without a tag, and JSON", async () => {
    const { stdout } = await ok("trust", "log", "--json", app);
    const { gun, entries, end } = JSON.parse(stdout) as Record<string, unknown> & {
      entries: Record<string, unknown>[];
    };
    assert.equal(gun, app);
    assert.deepEqual(
      entries.map(({ tag, digest, from, until }) => [tag, digest, from, until]),
      [
        ["v1", digests[0], new Date(start + 5 * dayMs).toISOString(), undefined],
        ["v1", digests[1], new Date(start + dayMs).toISOString(), new Date(start + 4 * dayMs).toISOString()],
        ["v1", digests[0], new Date(start).toISOString(), new Date(start + dayMs).toISOString()],
        ["v2", digests[2], new Date(start + 3 * dayMs).toISOString(), undefined],
      ],
    );
    assert.deepEqual((end as { isBeginning: boolean }).isBeginning, true);
  });

  it("says how far back it goes", async () => {
    const { stdout, stderr } = await ok("trust", "log", "--limit", "2", `${app}:v1`);
    assert.deepEqual(rows(stdout), [["v1", digests[0], day(5), "now", "(Repo Admin)"]]);
    assert.match(stderr, /^This goes back to snapshot \d+: 2 snapshots were read\.$/mu);
    for (const wrong of ["0", "-1", "many"]) {
      const { code } = await stage.run(["trust", "log", `--limit=${wrong}`, app], { now });
      assert.equal(code, 1);
    }
  });

  it("says that a tag was never signed", async () => {
    const { stdout, stderr } = await ok("trust", "log", `${app}:never`);
    assert.equal(stdout, "");
    assert.match(stderr, /^No signatures for .*:never in what the trust server remembers$/mu);
  });

  it("ends where the server has forgotten, and where it sends something else", async () => {
    const full = await open();
    const { end } = await tagHistory(full, { tag: "v1", maxSnapshots: 100 });
    full.close();
    assert.equal(end.isBeginning, true);
    const newest = await latestSnapshot();
    const lies: readonly (readonly [what: string, lie: (real: TrustRepository) => TrustRepository, reason: RegExp])[] =
      [
        ["forgotten", (real) => instead(real, { [`${newest - 2}.snapshot`]: "missing" }), /does not have snapshot/u],
        [
          "another version",
          (real) => instead(real, { [`${newest - 2}.snapshot`]: `${newest - 1}.snapshot` }),
          /is refused: it says of itself/u,
        ],
        ["no old root", (real) => instead(real, { "1.root": "missing" }), /is refused: the root that it names/u],
        ["another root", (real) => instead(real, { "1.root": "2.root" }), /is refused: the root that it names/u],
      ];
    for (const [what, lie, reason] of lies) {
      const context = await open(lie);
      const history = await tagHistory(context, { tag: "v1", maxSnapshots: 100 });
      context.close();
      assert.equal(history.end.isBeginning, false, what);
      assert.match(history.end.reason, reason, what);
      assert.equal(history.entries[0]?.until, undefined, what);
    }
  });

  const latestSnapshot = async (): Promise<number> => {
    const context = await open();
    const { end } = await tagHistory(context, { tag: undefined, maxSnapshots: 1 });
    context.close();
    return end.version;
  };
});

/** A server that has another file, or none, in the place of some. */
function instead(real: TrustRepository, others: Readonly<Record<string, string>>): TrustRepository {
  const fetch: TrustRepository["fetch"] = (name, maxBytes) => {
    const other = others[name] ?? name;
    return real.fetch(other === "missing" ? "99999.root" : other, maxBytes);
  };
  return new Proxy(real, {
    get: (target, member) => {
      if (member === "fetch") return fetch;
      const value: unknown = Reflect.get(target, member);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
