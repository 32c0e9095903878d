/** I4: a repository whose root and targets need two keys is signed again, and gets a spare root key, by proposals: also after everything has expired. */
import assert from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import { before, beforeEach, describe, it } from "node:test";
import { createRootCertificate } from "../../src/crypto/root-certificate.ts";
import { makeSignerKey } from "../support/signer-key.ts";
import { CliSandbox, json, type Outcome } from "./cli-sandbox.ts";

const yearMs = 365 * 86_400_000;
const start = Date.now();
let time = start;
const now = (): Date => new Date(time);

interface Result {
  readonly repository: string;
  readonly state: string;
  readonly spare?: { readonly keyId: string };
  readonly error?: { readonly code: string };
  readonly proposal: {
    readonly id: string;
    readonly warnings: readonly string[];
    readonly roles: readonly {
      readonly role: string;
      readonly changes: readonly { readonly kind: string; readonly name: string }[];
      readonly signatures: readonly { readonly threshold: number; readonly signed: readonly object[] }[];
    }[];
  };
}

interface Status {
  readonly state: string;
  readonly roles: readonly { readonly role: string; readonly state: string; readonly command?: string }[];
}

describe("renewal, witness and spare root keys by proposal", () => {
  const stage = CliSandbox.forSuite("proposed-renewals", now);
  let app = "";
  let owner: Record<string, string> = {};
  let alice: Record<string, string> = {};
  let reader: Record<string, string> = {};

  const run = (env: Record<string, string>, ...argv: readonly string[]): Promise<Outcome> =>
    stage.run(argv, { env, now });
  const ok = (env: Record<string, string>, ...argv: readonly string[]): Promise<Outcome> =>
    stage.ok(argv, { env, now });
  const proposed = async (...argv: readonly string[]): Promise<Result> => {
    const result = json(await ok(owner, "trust", ...argv, "--json")) as Result | readonly Result[];
    return "state" in result ? result : (result[0] ?? assert.fail());
  };
  const approve = async (...which: readonly string[]): Promise<string> =>
    (json(await ok(alice, "trust", "approve", app, ...which, "--yes", "--json")) as Result).state;
  const roles = ({ proposal }: Result): readonly string[] =>
    proposal.roles.map(({ role, signatures }) =>
      [role, ...signatures.map(({ threshold, signed }) => `${signed.length} of ${threshold}`)].join(" "),
    );
  const status = async (): Promise<Status> =>
    (json(await run(owner, "trust", "status", "--json", app)) as readonly Status[])[0] ?? assert.fail();
  const rootKeys = async (): Promise<readonly { keyId: string; expires: string }[]> =>
    (json(await ok(owner, "trust", "root", "list", "--json", app)) as { keys: { keyId: string; expires: string }[] })
      .keys;
  const verdict = async (env: Record<string, string>): Promise<string> => {
    const { code, stdout, stderr } = await run(env, "verify", "-q", `${app}:first`);
    return code === 0 ? stdout.trim() : (/\[([A-Z_]+)\]/u.exec(stderr)?.[1] ?? stderr);
  };
  const file = (what: string): string => stage.path(`${stage.fresh(what)}.json`);

  before(async () => {
    app = stage.repository("team/slow");
    await stage.publish(await stage.image("1"), `${app}:first`);
    [owner, alice, reader] = [{ ...stage.sandbox.environment }, stage.stranger("alice"), stage.stranger("reader")];
    const made = async (env: Record<string, string>, role: string) =>
      await makeSignerKey({
        dockerConfig: env["DOCKER_CONFIG"] ?? "",
        passphrase: env[`DOCKER_CONTENT_TRUST_${role === "root" ? "ROOT" : "REPOSITORY"}_PASSPHRASE`] ?? "",
        use: { role },
      });
    const keys = [(await made(owner, "owner")).keyId, (await made(alice, "alice")).publicKey];
    const several = (...ids: readonly string[]) => ["--threshold", "2", ...ids.flatMap((key) => ["--key", key])];
    const rotate = async (...argv: readonly string[]) => {
      const { proposal } = await proposed("key", "rotate", "--propose", ...argv);
      assert.equal(await approve(proposal.id), "published");
    };
    await rotate(...several(...keys), app, "targets");
    const certificate = stage.path("alice.crt");
    writeFileSync(certificate, await createRootCertificate((await made(alice, "root")).key, app, now()));
    const [root] = await rootKeys();
    await rotate(...several(root?.keyId ?? "", certificate), app, "root");
    assert.match(await verdict(reader), /^sha256:/u);
  });

  beforeEach(() => {
    time = start;
  });

  it("adds a spare root key, which one machine cannot do alone", async () => {
    owner = { ...owner, TAGSEAL_SPARE_PASSPHRASE: "spare passphrase" };
    const [spare, alone] = [stage.path("spare.pem"), stage.path("alone.pem")];
    const adding = ["root", "add-spare", app, "--out"];
    const refused = await run(owner, "trust", ...adding, alone);
    assert.match(refused.stderr, /fewer than 2 root keys[^]*--propose[^]*\[SIGNING_KEY_MISSING\]/u);
    const result = await proposed(...adding, spare, "--propose");
    assert.equal(result.state, "open");
    // The spare signs the new root too, and is not enough for the keys until now.
    assert.deepEqual(roles(result), ["root 2 of 2 1 of 2"]);
    assert.ok(existsSync(spare));
    assert.equal((await rootKeys()).length, 2);
    assert.equal(await approve(result.proposal.id), "published");
    assert.deepEqual((await rootKeys()).at(-1)?.keyId, result.spare?.keyId);
    assert.match(await verdict(reader), /^sha256:/u);

    const again = await ok(owner, "trust", "root", "add-spare", "--key", spare, "--propose", app);
    assert.match(again.stdout, /^Nothing to propose/u);
    const path = file("spare");
    const second = ["root", "add-spare", "--key", alone, "--proposal-out", path, app];
    const { stdout } = await ok(owner, "trust", ...second);
    assert.match(stdout, /trust approve \S+ --in [^]*Until the proposal is published, the spare replaces nothing\./u);
    assert.equal((await rootKeys()).length, 3);
    assert.equal(await approve("--in", path), "published");
    assert.equal((await rootKeys()).length, 4);
  });

  it("witness signs a role again, kept by the server or in a file", async () => {
    const refused = await run(owner, "trust", "witness", app, "targets");
    assert.match(refused.stderr, /--propose[^]*\[SIGNING_KEY_MISSING\]/u);
    const kept = await proposed("witness", app, "targets", "--propose");
    assert.deepEqual(roles(kept), ["targets 1 of 2"]);
    assert.deepEqual(kept.proposal.roles[0]?.changes, []);
    assert.equal(await approve(kept.proposal.id), "published");
    const path = file("witness");
    const { stdout } = await ok(owner, "trust", "witness", "--out", path, app, "targets");
    assert.match(stdout, /signed again, with the same content/u);
    assert.equal(await approve("--in", path), "published");
    const root = await run(owner, "trust", "witness", "--propose", app, "root");
    assert.match(root.stderr, /only targets and delegations[^]*\[USAGE\]/u);
  });

  it("renew signs before the end what is due, and names the proposal where it cannot", async () => {
    time = start + 2.9 * yearMs;
    const { state, roles: endings } = await status();
    assert.equal(state, "due");
    // The server renews its snapshot itself.
    const due = endings.filter((ending) => ending.state === "due" && ending.role !== "snapshot");
    assert.deepEqual(
      due.map(({ role, command }) => [role, command]),
      [["targets", `tagseal trust renew --propose ${app}`]],
    );
    const shown = await run(owner, "trust", "status", app);
    assert.match(shown.stdout, /targets: 2 of the targets keys \S+, \S+ must sign; to propose it, run this here, or/u);
    const alone = await run(owner, "trust", "renew", app);
    assert.match(alone.stderr, /needs more keys[^]*trust renew --propose \S+ \[SIGNING_KEY_MISSING\]/u);
    assert.match((await ok(owner, "trust", "renew", "--all")).stdout, /not renewed[^]*trust renew --propose/u);
    const path = file("renewal");
    const { stdout } = await ok(owner, "trust", "renew", "--out", path, app);
    assert.match(stdout, /targets: version [^]*signed again, with the same content/u);
    const approved = await ok(alice, "trust", "approve", app, "--in", path, "--yes");
    assert.match(approved.stderr, /warning: targets is nearing expiry[^]*\nProposal /u);
    assert.equal((await status()).state, "ok");
    time = start + 3.1 * yearMs;
    assert.match(await verdict(reader), /^sha256:/u);
  });

  it("renew repairs after everything has expired, certificates of colleagues included, and readers follow", async () => {
    time = start + 10.5 * yearMs;
    assert.equal(await verdict(reader), "ROOT_INVALID");
    assert.equal(await verdict(stage.stranger()), "ROOT_INVALID");
    const expired = (await status()).roles.filter(({ state }) => state === "expired").map(({ role }) => role);
    assert.deepEqual([...new Set(expired)], ["root", "targets", "snapshot", "timestamp"]);
    const stranger = await run(stage.stranger(), "trust", "renew", "--propose", app);
    assert.match(stranger.stderr, /\[SIGNING_KEY_MISSING\]/u);
    const other = await run(owner, "trust", "witness", "--propose", app, "targets");
    assert.match(other.stderr, /Propose their renewal first: tagseal trust renew --propose \S+ \[METADATA_EXPIRED\]/u);
    const [result] = json(await ok(owner, "trust", "renew", "--json", "--propose", "--all")) as readonly Result[];
    assert.ok(result !== undefined);
    assert.deepEqual(roles(result), ["root 1 of 2 1 of 2", "targets 1 of 2"]);
    assert.equal(result.proposal.warnings.filter((text) => text.startsWith("the root key has a new")).length, 4);
    const approved = await ok(alice, "trust", "approve", app, result.proposal.id, "--yes");
    assert.match(
      approved.stderr,
      /warning: the certificate of the root key has expired: signing it again[^]*\nProposal /u,
    );
    assert.match(approved.stderr, /\n {2}warning: the root key has a new certificate, \w{64}: readers that pin/u);
    assert.equal((await status()).state, "ok");
    assert.ok((await rootKeys()).every(({ expires }) => Date.parse(expires) > time + 9 * yearMs));
    assert.match(await verdict(reader), /^sha256:/u);
    assert.match(await verdict(stage.stranger()), /^sha256:/u);
  });
});
