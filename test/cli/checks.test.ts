/** What is checked on the paths that must be fast: exactly this, so that no speed is bought with a check. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type Checks, checksMeanwhile, checksOf } from "../support/checks.ts";
import { type StartedCommand, startGatewayCommand } from "../support/gateway-command.ts";
import { CliSandbox } from "./cli-sandbox.ts";

/** Each file of a repository without delegations. */
const everyFile = ["Root", "Timestamp", "Snapshot", "Targets"];
/** The timestamp says what the snapshot's hashes are, the snapshot those of the others. */
const namedHashes = [
  "Root sha256",
  "Root sha512",
  "Snapshot sha256",
  "Snapshot sha512",
  "Targets sha256",
  "Targets sha512",
];

function assertChecked({ signatures, hashes }: Checks, expected: readonly string[]): void {
  assert.deepEqual(signatures, expected);
  assert.deepEqual(
    namedHashes.filter((named) => !hashes.has(named)),
    [],
  );
}

describe("what is checked on the hot paths", () => {
  const stage = CliSandbox.forSuite("checks");
  let [plain, delegated, digest] = ["", "", ""];
  before(async () => {
    plain = stage.repository("team/plain");
    delegated = stage.repository("team/delegated");
    await stage.publish(await stage.image("1"), `${plain}:v1`);
    digest = (await stage.ok(["verify", `${plain}:v1`])).stdout.trim();
    await stage.ok(["trust", "key", "generate", "alice", "--dir", stage.directory]);
    await stage.publish(await stage.image("1"), `${delegated}:v1`);
    await stage.ok(["trust", "signer", "add", "--key", stage.path("alice.pub"), "alice", delegated]);
    await stage.ok(["sign", "-q", `${delegated}:v1@${digest}`]);
  });

  for (const state of ["cold", "warm"] as const)
    it(`a ${state} verify: every file, once`, async () => {
      const env = stage.stranger();
      const verify = async (): Promise<unknown> => await stage.ok(["verify", `${plain}:v1`], { env });
      if (state === "warm") await verify();
      assertChecked(await checksOf(verify), everyFile);
    });

  for (const state of ["cold", "warm"] as const)
    it(`a ${state} verify of a repository with a signer: targets, the releases and the signer's file`, async () => {
      const env = stage.stranger();
      const verify = async (): Promise<unknown> => await stage.ok(["verify", `${delegated}:v1`], { env });
      if (state === "warm") await verify();
      assertChecked(await checksOf(verify), [...everyFile, "Targets", "Targets"]);
    });

  it("a verify after a publication: what is remembered, and what replaces it", async () => {
    const env = stage.stranger();
    await stage.ok(["verify", `${plain}:v1`], { env });
    await stage.ok(["sign", "-q", `${plain}:news@${digest}`]);
    const checks = await checksOf(async () => await stage.ok(["verify", `${plain}:news`], { env }));
    assertChecked(checks, ["Root", ...["Timestamp", "Snapshot", "Targets"].flatMap((type) => [type, type])]);
  });

  it("a signature: what is there, what was signed, and all of it once more as the server presents it", async () => {
    const checks = await checksOf(async () => await stage.ok(["sign", "-q", `${plain}:v2@${digest}`]));
    const readBack = ["Root", "Timestamp", "Timestamp", "Snapshot", "Snapshot", "Targets"];
    assertChecked(checks, [...everyFile, "Targets", ...readBack]);
  });

  it("a signature that is there already: what is there", async () => {
    await stage.ok(["sign", "-q", `${plain}:v3@${digest}`]);
    assertChecked(await checksOf(async () => await stage.ok(["sign", "-q", `${plain}:v3@${digest}`])), everyFile);
  });

  describe("through a gateway", () => {
    let gateway: StartedCommand;
    let now = Date.now();
    before(async () => {
      gateway = await startGatewayCommand(stage.sandbox.registryHost, {
        env: stage.stranger(),
        now: () => new Date(now),
      });
    });
    after(async () => await gateway.stop());

    async function askForTag(): Promise<void> {
      const path = `${plain.replace(":", "_")}/manifests/v1`;
      const response = await fetch(`${gateway.url}/v2/${path}`, { headers: { connection: "close" } });
      assert.equal(response.headers.get("docker-content-digest"), digest);
      await response.arrayBuffer();
    }

    it("the first request for a tag: every file, once", async () => {
      assertChecked(await checksMeanwhile(askForTag), everyFile);
    });

    it("more requests within the interval: nothing, the verified reading is used", async () => {
      const { signatures } = await checksMeanwhile(
        async () => await Promise.all([askForTag(), askForTag(), askForTag()]),
      );
      assert.deepEqual(signatures, []);
    });

    it("the first request after it: every file, once", async () => {
      now += 10_000;
      assertChecked(await checksMeanwhile(async () => await Promise.all([askForTag(), askForTag()])), everyFile);
    });
  });
});
