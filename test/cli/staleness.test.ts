/** I4: how old what is believed may be, and how old it is said to be: by a server that answers, and by the cache of one that does not. */
import assert from "node:assert/strict";
import { before, beforeEach, describe, it } from "node:test";
import { CliSandbox, json, type Outcome } from "./cli-sandbox.ts";

const hour = 3_600_000;
const start = Math.floor(Date.now() / 1000) * 1000;

interface Verified {
  readonly cached: boolean;
  readonly freshUntil: string;
  readonly freshness: {
    readonly summary: string;
    readonly signedAt: string;
    readonly validUntil: string;
    readonly server: string;
    readonly cached: boolean;
    readonly confirmedAt: string;
  };
}

describe("I4: the age of accepted trust data", () => {
  let image: string;
  let clientTime = start;
  /** a server whose clock stands still signs nothing again: it presents the same files for ever */
  const serverNow = (): Date => new Date(start);
  const now = (): Date => new Date(clientTime);
  const stage = CliSandbox.forSuite("staleness", serverNow);
  const nowhere = { DOCKER_CONTENT_TRUST_SERVER: "https://127.0.0.1:1" };

  const verify = (more: readonly string[] = [], env: Record<string, string> = {}): Promise<Outcome> =>
    stage.run(["verify", ...more, image], { now, env: { ...stage.sandbox.environment, ...env } });
  const iso = (ms: number): string => new Date(ms).toISOString();

  before(async () => {
    const { directory } = await stage.image("1");
    image = `${stage.repository()}:v1`;
    await stage.ok(["push", "-q", "--from", `oci:${directory}`, image], { now });
  });
  beforeEach(() => {
    clientTime = start;
  });

  it("--max-staleness refuses what a live server presents once it was signed too long ago, long before it expires", async () => {
    assert.equal((await verify(["--max-staleness", "1h"])).code, 0);
    clientTime = start + 3 * hour;
    const { code, stdout, stderr } = await verify(["--max-staleness", "1h"]);
    assert.equal(code, 3);
    assert.equal(stdout, "");
    assert.match(
      stderr,
      /^the timestamp the trust server presents was signed 3 h ago, at .*; at most 1 h is allowed\n/u,
    );
    assert.match(stderr, /\[METADATA_STALE\]\n$/u);
    for (const argv of [
      ["list", stage.repository()],
      ["pull", "--to", `oci:${stage.path("out")}`, image],
    ])
      assert.equal((await stage.run([...argv, "--max-staleness", "1h"], { now })).code, 3, argv.join(" "));
    assert.equal((await verify(["--max-staleness", "4h"])).code, 0);
    assert.equal((await verify(["--max-staleness", "0"])).code, 0, "0: the server must answer, and did");
    assert.equal((await verify()).code, 0);
  });

  it("--max-staleness refuses the same to a newcomer", async () => {
    clientTime = start + 3 * hour;
    const env = stage.stranger("newcomer");
    assert.equal((await verify(["--max-staleness", "1h"], env)).code, 3);
    assert.equal((await verify(["--max-staleness", "4h"], env)).code, 0);
  });

  it("--max-staleness refuses the cached timestamp by the age of its signature, however lately it was confirmed", async () => {
    clientTime = start + 3 * hour;
    await verify();
    const { code, stderr } = await verify(["--max-staleness", "1h"], nowhere);
    assert.equal(code, 3);
    assert.match(stderr, /^the trust server cannot be asked, and the cached timestamp was signed 3 h ago, /u);
    assert.equal((await verify(["--max-staleness", "4h"], nowhere)).code, 0);
    assert.equal((await verify(["--max-staleness", "0"], nowhere)).code, 3);
  });

  it("a configured lifetime counts", async () => {
    clientTime = start + hour;
    const twoDays = { TAGSEAL_TIMESTAMP_LIFETIME: "2d" };
    assert.equal((await verify(["--max-staleness", "2h"])).code, 0);
    assert.equal((await verify(["--max-staleness", "2h"], twoDays)).code, 3);
    assert.equal((await verify(["--max-staleness", "26h"], twoDays)).code, 0);
    const wrong = await verify([], { TAGSEAL_TIMESTAMP_LIFETIME: "soon" });
    assert.match(wrong.stderr, /^TAGSEAL_TIMESTAMP_LIFETIME: expected a length of time, got "soon"/u);
  });

  it("verify --json says when it was signed, until when it is valid and from where it is", async () => {
    clientTime = start + 3 * hour;
    const { cached, freshUntil, freshness } = json(await verify(["--json"])) as Verified;
    assert.equal(cached, false);
    assert.equal(freshUntil, iso(start + 24 * hour));
    assert.deepEqual(freshness, {
      summary: `signed 3 h ago, valid until ${iso(start + 24 * hour)}`,
      signedAt: iso(start),
      validUntil: iso(start + 24 * hour),
      server: stage.sandbox.serverUrl,
      cached: false,
      confirmedAt: iso(start + 3 * hour),
    });
  });

  it("what the cache says is marked, and the warning names the server that did not answer and how old it is", async () => {
    clientTime = start + 3 * hour;
    await verify();
    clientTime = start + 5 * hour;
    const outcome = await verify(["--json"], nowhere);
    const { cached, freshness } = json(outcome) as Verified;
    assert.deepEqual([cached, freshness.cached, freshness.confirmedAt], [true, true, iso(start + 3 * hour)]);
    assert.match(
      outcome.stderr,
      /^warning: Error while downloading remote metadata, using cached timestamp - .*: https:\/\/127\.0\.0\.1:1 did not answer \(.+\); what is cached was last confirmed 2 h ago, signed 5 h ago, valid until \S+\n$/u,
    );
    const options = { now, env: { ...stage.sandbox.environment, ...nowhere } };
    const listed = json(await stage.ok(["list", "--json", stage.repository()], options)) as { cached: boolean }[];
    assert.deepEqual(
      listed.map((tag) => tag.cached),
      [true],
    );
    const inspected = json(await stage.ok(["trust", "inspect", image], options)) as { Cached?: boolean }[];
    assert.equal(inspected[0]?.Cached, true);
    const pulled = await stage.ok(["pull", "--json", "--to", `oci:${stage.path("cached")}`, image], options);
    assert.equal((json(pulled) as { cached: boolean }).cached, true);
  });

  it("trust inspect has no member that docker has not, while the server answers", async () => {
    const inspected = json(await stage.ok(["trust", "inspect", image], { now })) as object[];
    assert.deepEqual(Object.keys(inspected[0] ?? {}), ["Name", "SignedTags", "Signers", "AdministrativeKeys"]);
  });
});
