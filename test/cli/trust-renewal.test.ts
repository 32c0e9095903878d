/** I4: what expires is shown with who must act, and renewed by the command that is shown; docker's rules for readers stay. */
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import type { DemoImage } from "../../src/sandbox/demo-image.ts";
import { documentedLines } from "../support/documented-lines.ts";
import { CliSandbox, json, type Outcome } from "./cli-sandbox.ts";

const dayMs = 86_400_000;
const start = Date.now();
let time = start;
const now = (): Date => new Date(time);
const afterDays = (days: number): void => {
  time = start + days * dayMs;
};

interface Ending {
  readonly role: string;
  readonly certificateId?: string;
  readonly expires: string;
  readonly state: string;
  readonly signedBy: string;
  readonly command?: string;
}

interface Status {
  readonly repository: string;
  readonly state: string;
  readonly roles: readonly Ending[];
  readonly error?: { readonly code: string };
}

interface Renewal {
  readonly repository: string;
  readonly renewed: readonly { readonly role: string; readonly version: number }[];
  readonly newRootCertificates: readonly string[];
  readonly remaining: readonly Ending[];
  readonly error?: { readonly code: string };
}

describe("trust status and trust renew", () => {
  let stage: CliSandbox;
  let image: DemoImage;
  let app: string;
  let count = 0;
  let strangers = 0;

  const ok = (...argv: readonly string[]): Promise<Outcome> => stage.ok(argv, { now });
  const run = (...argv: readonly string[]): Promise<Outcome> => stage.run(argv, { now });
  const statusOf = async (...argv: readonly string[]): Promise<readonly Status[]> =>
    json(await run("trust", "status", "--json", ...argv)) as readonly Status[];
  const renewalOf = async (...argv: readonly string[]): Promise<readonly Renewal[]> =>
    json(await ok("trust", "renew", "--json", ...argv)) as readonly Renewal[];
  const digestOf = async (): Promise<string> => (await ok("verify", "-q", `${app}:v1`)).stdout.trim();
  const states = (status: Status | undefined): readonly string[] =>
    (status?.roles ?? []).map(({ role, certificateId, state, signedBy }) =>
      [certificateId === undefined ? role : "certificate", state, signedBy].join(" "),
    );

  before(async () => {
    stage = await CliSandbox.start("trust-renewal", now);
    image = await stage.image("1");
    await ok("trust", "key", "generate", "alice", "--dir", stage.directory);
  });
  after(() => stage[Symbol.asyncDispose]());

  beforeEach(() => {
    time = start;
  });

  const newApp = async (): Promise<void> => {
    app = stage.repository(`renewal/app${(count += 1)}`);
    await ok("push", "-q", "--from", `oci:${image.directory}`, `${app}:v1`);
  };
  const withAlice = async (): Promise<void> => {
    await ok("trust", "signer", "add", "--key", stage.path("alice.pub"), "alice", app);
    await ok("trust", "sign", `${app}:v1`);
  };
  /** A machine that has no keys, and reads. */
  const stranger = (): Record<string, string> => stage.stranger(`stranger-${(strangers += 1)}`);

  describe("trust status", () => {
    before(async () => {
      await newApp();
      await withAlice();
    });

    it("shows what expires when and who signs it", async () => {
      assert.deepEqual(states((await statusOf(app))[0]), [
        "root ok here",
        "certificate ok here",
        "targets ok here",
        "targets/alice ok here",
        "targets/releases ok here",
        "snapshot ok server",
        "timestamp ok server",
      ]);
      const { stdout } = await ok("trust", "status", app);
      assert.match(stdout, /^root certificate +20\d\d-\d\d-\d\d \(in 3650 days\) +ok +a key on this machine$/mu);
      assert.match(stdout, /^snapshot .* the trust server$/mu);
      assert.doesNotMatch(stdout, /tagseal trust renew/u);
    });

    it("names the command from 90 days before on, and the period can be chosen", async () => {
      afterDays(1_095 - 91);
      assert.equal((await statusOf(app))[0]?.state, "ok");
      assert.equal((await statusOf("--within", "100d", app))[0]?.state, "due");
      afterDays(1_095 - 89);
      const [status] = await statusOf(app);
      assert.equal(status?.state, "due");
      const targets = status.roles.find(({ role }) => role === "targets");
      assert.equal(targets?.command, `tagseal trust renew ${app}`);
      assert.match(
        (await ok("trust", "status", app)).stdout,
        new RegExp(`^To renew .*: tagseal trust renew ${app}$`, "mu"),
      );
    });

    it("--check fails when something is due, and only then", async () => {
      assert.equal((await run("trust", "status", "--check", app)).code, 0);
      afterDays(1_095 - 89);
      assert.equal((await run("trust", "status", app)).code, 0);
      assert.equal((await run("trust", "status", "--check", app)).code, 1);
      assert.equal((await run("trust", "status", "--check", "--within", "30d", app)).code, 0);
    });

    it("says who must act on a machine without the keys", async () => {
      afterDays(1_095 - 60);
      const { stdout } = await stage.ok(["trust", "status", app], { now, env: stranger() });
      assert.match(
        stdout,
        new RegExp(`^targets: .* where the repository key [0-9a-f]{7} is: tagseal trust renew ${app}$`, "mu"),
      );
      assert.match(stdout, /^targets\/alice: .* where the key of targets\/alice [0-9a-f]{7} is: /mu);
    });

    it("reads a repository that has expired, from the root down", async () => {
      afterDays(3_700);
      assert.deepEqual(states((await statusOf(app))[0]), [
        "root expired here",
        "certificate expired here",
        "targets expired here",
        "targets/alice expired here",
        "targets/releases expired here",
        "snapshot expired server",
        "timestamp expired server",
      ]);
    });

    it("--all shows each repository that this machine remembers; one that cannot be read does not stop the others", async () => {
      const missing = stage.repository("renewal/absent");
      const { code, stdout, stderr } = await run("trust", "status", "--json", app, missing);
      assert.equal(code, 1);
      const [first, second] = JSON.parse(stdout) as readonly Status[];
      assert.equal(first?.state, "ok");
      assert.equal(second?.error?.code, "REPOSITORY_NOT_SIGNED");
      assert.match(stderr, /no status of: .*renewal\/absent/u);
      const all = await statusOf("--all");
      assert.ok(all.some(({ repository }) => repository === app));
      assert.equal(all.length, count);
    });

    it("--all on a machine that remembers nothing says so", async () => {
      const env = stranger();
      assert.match((await stage.ok(["trust", "status", "--all"], { now, env })).stdout, /remembers no repository/u);
      assert.deepEqual(json(await stage.ok(["trust", "status", "--all", "--json"], { now, env })), []);
    });
  });

  describe("trust renew", () => {
    beforeEach(newApp);

    it("signs again what the keys here can, and readers see the same tags", async () => {
      await withAlice();
      afterDays(1_000);
      const [renewal] = await renewalOf(app);
      const roles = renewal?.renewed.map(({ role }) => role).toSorted();
      assert.deepEqual(roles, ["targets", "targets/alice", "targets/releases"]);
      assert.deepEqual(renewal?.remaining, []);
      afterDays(2_000);
      assert.equal(await digestOf(), image.manifestDigest);
    });

    it("repairs what has expired, delegations included", async () => {
      await withAlice();
      afterDays(1_200);
      assert.equal((await run("verify", `${app}:v1`)).code, 3);
      await ok("trust", "renew", app);
      assert.equal(await digestOf(), image.manifestDigest);
      assert.equal((await statusOf(app))[0]?.state, "ok");
    });

    it("works as the page about keys says", async () => {
      afterDays(1_200);
      const lines = documentedLines("docs/keys/expired.md", "Sign it again").trim().split("\n");
      for (const line of lines) await ok(...line.replace("registry.example.com/team/app", app).split(" ").slice(1));
      assert.equal(await digestOf(), image.manifestDigest);
    });

    it("replaces the certificate of the root key before it ends, and old readers follow", async () => {
      const env = stranger();
      await stage.ok(["verify", "-q", `${app}:v1`], { now, env });
      afterDays(1_000);
      await ok("trust", "renew", app);
      afterDays(2_000);
      await ok("trust", "renew", app);
      afterDays(3_000);
      const [renewal] = await renewalOf(app);
      assert.equal(renewal?.newRootCertificates.length, 1);
      assert.deepEqual(
        renewal?.renewed.map(({ role }) => role),
        ["root", "targets"],
      );
      const keys = JSON.parse((await ok("trust", "inspect", app)).stdout) as readonly {
        AdministrativeKeys: readonly { Name: string; Keys: readonly { ID: string }[] }[];
      }[];
      const root = keys[0]?.AdministrativeKeys.find(({ Name }) => Name === "Root");
      assert.deepEqual(
        root?.Keys.map(({ ID }) => ID),
        renewal?.newRootCertificates,
      );
      afterDays(3_900);
      const { stdout } = await stage.ok(["verify", "-q", `${app}:v1`], { now, env });
      assert.equal(stdout.trim(), image.manifestDigest);
    });

    it("repairs a repository whose root and everything below it have expired", async () => {
      const env = stranger();
      await stage.ok(["verify", "-q", `${app}:v1`], { now, env });
      afterDays(3_700);
      assert.equal((await run("verify", `${app}:v1`)).code, 3);
      const [renewal] = await renewalOf(app);
      assert.equal(renewal?.newRootCertificates.length, 1);
      assert.equal(await digestOf(), image.manifestDigest);
      const { stdout } = await stage.ok(["verify", "-q", `${app}:v1`], { now, env });
      assert.equal(stdout.trim(), image.manifestDigest, "a reader that trusted the old root follows");
    });

    it("without the keys says whose they are; --all passes such a repository over", async () => {
      const env = stranger();
      await stage.ok(["verify", "-q", `${app}:v1`], { now, env });
      const { code, stderr } = await stage.run(["trust", "renew", app], { now, env });
      assert.equal(code, 1);
      assert.match(stderr, /\[SIGNING_KEY_MISSING\]/u);
      assert.match(stderr, new RegExp(`tagseal trust status ${app}`, "u"));
      const [passed] = json(await stage.ok(["trust", "renew", "--all", "--json"], { now, env })) as readonly Renewal[];
      assert.deepEqual(passed?.renewed, []);
    });

    it("continues after a repository that fails", async () => {
      const missing = stage.repository("renewal/absent");
      const { code, stdout } = await run("trust", "renew", "--json", missing, app);
      assert.equal(code, 1);
      const [first, second] = JSON.parse(stdout) as readonly Renewal[];
      assert.equal(first?.error?.code, "REPOSITORY_NOT_SIGNED");
      assert.deepEqual(
        second?.renewed.map(({ role }) => role),
        ["targets"],
      );
    });
  });
});
