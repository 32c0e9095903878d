/** One table of cases for every gate: all of them say the same about an image. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { before, describe, it } from "node:test";
import { CliSandbox } from "../cli/cli-sandbox.ts";
import { gateKinds, type OpenGate, type Said } from "./gates-under-test.ts";
import { giveText, keepState, publishImages, type VerdictImages, whileDown } from "./verdict-world.ts";

const stage = CliSandbox.forSuite("verdict-table");
const dayMs = 86_400_000;
let images: VerdictImages;
/** sets the trust server back to before the last publication */
let rollBack: () => Promise<void>;

/** One row. */
interface Row {
  readonly image: () => string;
  /** the rule of the repository, or a whole policy as text; docker's own rule when absent */
  readonly rule?: () => object | string;
  /** what the gate decides before it happens, in the same place and with the same memory */
  readonly first?: () => string;
  /** how long after the publication it is */
  readonly laterMs?: number;
  readonly server?: "down";
  readonly expected: () => Said;
}

const allowed = (digest: () => string | undefined) => (): Said => ({ outcome: "allowed", digest: digest() });
const refused = (code: string) => (): Said => ({ outcome: "refused", code });
const named = (tag: string) => () => `${images.gun}:${tag}`;
const byDigest = (which: "signed" | "index" | "platform" | "unsigned") => () => `${images.gun}@${images[which]}`;
const firstUse = { firstUse: true };

const rows: Readonly<Record<string, Row>> = {
  "a signed tag": { image: named("v1"), expected: allowed(() => images.signed) },
  "a signed index": { image: named("multi"), expected: allowed(() => images.index) },
  "an unsigned tag": { image: named("raw"), expected: refused("TAG_NOT_SIGNED") },
  "a tag that nothing has": { image: named("v9"), expected: refused("TAG_NOT_SIGNED") },
  "a revoked tag": { image: named("gone"), expected: refused("TAG_NOT_SIGNED") },
  "a repository without signatures": {
    image: () => `${stage.repository("team/unsigned")}:v1`,
    expected: refused("REPOSITORY_NOT_SIGNED"),
  },
  "a tag and its digest": { image: () => `${images.gun}:v1@${images.signed}`, expected: allowed(() => images.signed) },
  "a tag and another digest": {
    image: () => `${images.gun}:v1@${images.second}`,
    expected: refused("TAG_DIGEST_MISMATCH"),
  },
  "a digest, without a policy": { image: byDigest("unsigned"), expected: allowed(() => images.unsigned) },
  "a signed digest": { image: byDigest("signed"), rule: () => firstUse, expected: allowed(() => images.signed) },
  "the digest of a signed index": {
    image: byDigest("index"),
    rule: () => firstUse,
    expected: allowed(() => images.index),
  },
  "a platform of a signed index": {
    image: byDigest("platform"),
    rule: () => firstUse,
    expected: allowed(() => images.platform),
  },
  "an unsigned digest": { image: byDigest("unsigned"), rule: () => firstUse, expected: refused("TAG_NOT_SIGNED") },
  "an unsigned digest where any is accepted": {
    image: byDigest("unsigned"),
    rule: () => ({ ...firstUse, digests: "any" }),
    expected: allowed(() => images.unsigned),
  },
  "a signer that is missing": {
    image: named("v1"),
    rule: () => ({ ...firstUse, signers: { anyOf: ["ci"] } }),
    expected: refused("POLICY_REFUSED"),
  },
  "fewer signers than needed": {
    image: named("v1"),
    rule: () => ({ ...firstUse, signers: { anyOf: ["ci", "release"], threshold: 2 } }),
    expected: refused("POLICY_REFUSED"),
  },
  "the pinned root": {
    image: named("v1"),
    rule: () => ({ roots: [`sha256:${images.rootKey}`] }),
    expected: allowed(() => images.signed),
  },
  "another root than the pinned one": {
    image: named("v1"),
    rule: () => ({ roots: [`sha256:${"ab".repeat(32)}`] }),
    expected: refused("ROOT_PINNING_MISMATCH"),
  },
  "a first use that is forbidden": {
    image: named("v1"),
    rule: () => ({ firstUse: false }),
    expected: refused("ROOT_PINNING_MISMATCH"),
  },
  "a rejected image": { image: named("v1"), rule: () => ({ require: "reject" }), expected: refused("POLICY_REFUSED") },
  "a tag where a digest is asked for": {
    image: named("v1"),
    rule: () => ({ require: "digest" }),
    expected: refused("POLICY_REFUSED"),
  },
  "an unsigned tag under a rule that only warns": {
    image: named("raw"),
    rule: () => ({ ...firstUse, mode: "audit" }),
    expected: allowed(() => undefined),
  },
  "an unsigned tag that no rule asks about": {
    image: named("raw"),
    rule: () => ({ mode: "skip" }),
    expected: allowed(() => undefined),
  },
  "a policy with a misspelt member": {
    image: named("v1"),
    rule: () => '{ "version": 1, "default": { "require": "signd" } }',
    expected: refused("POLICY_INVALID"),
  },
  "a policy that is not JSON": { image: named("v1"), rule: () => "{", expected: refused("POLICY_INVALID") },
  "an expired repository": { image: named("v1"), laterMs: 30 * dayMs, expected: refused("METADATA_EXPIRED") },
  "trust data older than the policy accepts": {
    image: named("v1"),
    rule: () => ({ ...firstUse, maxStaleness: "1h" }),
    first: named("v1"),
    server: "down",
    laterMs: 2 * 3_600_000,
    expected: refused("METADATA_STALE"),
  },
  "a server that is down, with what is remembered": {
    image: named("v2"),
    first: named("v1"),
    server: "down",
    expected: allowed(() => images.second),
  },
  "a server that is down, without": { image: named("v1"), server: "down", expected: refused("NETWORK_UNREACHABLE") },
};

/** The pairs that are not asked. A new one is a hole in the table until it is written here and on the page. */
const unaskable: readonly string[] = [
  "gateway: a tag and its digest: a registry is asked for a tag or for a digest",
  "gateway: a tag and another digest: a registry is asked for a tag or for a digest",
  "authorization plugin: a tag and its digest: docker pulls by the digest and forgets the tag",
  "authorization plugin: a tag and another digest: docker pulls by the digest and forgets the tag",
];

/** Asks a gate about a row, with the memory and the clock of somebody who has seen nothing else. */
async function ask(kind: (typeof gateKinds)[number], row: Row): Promise<Said> {
  const env = stage.stranger();
  const rule = row.rule?.();
  if (rule !== undefined)
    giveText(
      env,
      typeof rule === "string"
        ? rule
        : JSON.stringify({ version: 1, default: { require: "reject" }, rules: { [images.gun]: rule } }),
    );
  const first = row.first?.();
  if (first !== undefined) await stage.run(["policy", "check", first], { env });
  const now = (): Date => new Date(Date.now() + (row.laterMs ?? 0));
  const asking = async (): Promise<Said> => await askOnce(await kind.open(stage, { env, now }), row.image());
  return row.server === "down" ? await whileDown(stage, asking) : await asking();
}

describe("every gate says the same", () => {
  before(async () => {
    images = await publishImages(stage);
    rollBack = await keepState(stage, "older");
    await stage.ok(["sign", `${images.gun}:raw@${images.unsigned}`]);
    await stage.ok(["trust", "revoke", `${images.gun}:raw`]);
  });

  for (const kind of gateKinds)
    for (const [what, row] of Object.entries(rows))
      it(`${kind.name}: ${what}`, async (t) => {
        const reason = kind.cannotBeAsked(row.image());
        if (reason !== undefined) {
          t.diagnostic(`cannot be asked: ${reason}`);
          return;
        }
        const [said, expected] = [await ask(kind, row), row.expected()];
        // where nothing was verified, the name is used as it is; and a gate that only allows does not say as what
        if (digestOf(expected) === undefined || digestOf(said) === undefined)
          assert.equal(codeOf(said), codeOf(expected));
        else assert.deepEqual(said, expected);
      });

  it("every row is asked of every gate but for these, which the page lists", async () => {
    const pairs = gateKinds.flatMap((kind) =>
      Object.entries(rows).flatMap(([what, row]) => {
        const reason = kind.cannotBeAsked(row.image());
        return reason === undefined ? [] : [`${kind.name}: ${what}: ${reason}`];
      }),
    );
    const page = await readFile(new URL("../../docs/gates.md", import.meta.url), "utf8");
    const listed = /(?<=\| Gate \| Row \| Cannot be asked: \|\n\|[-|]+\n)(?:\|.*\n)+/u.exec(page)?.[0] ?? "";
    const cells = listed
      .trim()
      .split("\n")
      .map((line) =>
        line
          .split("|")
          .slice(1, -1)
          .map((cell) => cell.trim()),
      );
    assert.deepEqual(
      pairs,
      cells.map((row) => row.join(": ")),
    );
    assert.deepEqual(pairs, unaskable);
  });

  it("I5: a tag that was moved in the registry is the signed image, or refused where a gate cannot say so", async () => {
    const signed = (await stage.ok(["verify", `${images.gun}:moved`])).stdout.trim();
    for (const kind of gateKinds) {
      const said = await ask(kind, { image: named("moved"), expected: refused("") });
      const expected = kind.repairs ? allowed(() => signed) : refused("TAG_DIGEST_MISMATCH");
      assert.deepEqual(said, expected(), kind.name);
    }
  });

  it("I3: a server that was set back is refused by every gate that saw more, also after a restart", async () => {
    const askers = gateKinds.map((kind) => ({ kind, asker: { env: stage.stranger(), now: () => new Date() } }));
    for (const { kind, asker } of askers)
      assert.equal((await askOnce(await kind.open(stage, asker), `${images.gun}:v1`)).outcome, "allowed", kind.name);
    await rollBack();
    for (const { kind, asker } of askers) {
      const said = await askOnce(await kind.open(stage, asker), `${images.gun}:v1`);
      assert.deepEqual(said, { outcome: "refused", code: "METADATA_VERSION_ROLLBACK" }, kind.name);
    }
  });
});

function digestOf(said: Said): string | undefined {
  return said.outcome === "allowed" ? said.digest : undefined;
}

function codeOf(said: Said): string {
  return said.outcome === "allowed" ? "allowed" : said.code;
}

async function askOnce(gate: OpenGate, image: string): Promise<Said> {
  try {
    return await gate.ask(image);
  } finally {
    await gate.close();
  }
}
