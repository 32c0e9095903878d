/** The compose file of the gateway in real containers, started and told of another policy as the page says. */
import assert from "node:assert/strict";
import { copyFileSync, symlinkSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { after, before, describe, it } from "node:test";
import { hashSync } from "bcryptjs";
import { installCompose } from "../support/compose-project.ts";
import { documentedLines } from "../support/documented-lines.ts";
import { commandOn, type Machine, startMachine } from "../support/machine.ts";
import {
  certificates,
  type Client,
  client,
  type Finished,
  missingPeers,
  Scope,
  startDockerd,
  waitUntil,
} from "../support/peers.ts";
import { run } from "../support/processes.ts";
import { buildServerImage, importBaseImage } from "../support/server-image.ts";

const skip = missingPeers(["docker", "dockerd", "compose 5", "openssl", "machine"]);

describe("the gateway that compose starts", { skip }, () => {
  const scope = new Scope("gateway-up");
  let machine: Machine;
  let user: Client;

  before(async () => {
    machine = await startMachine(scope);
    const engine = await startDockerd(scope, { machine });
    user = client(scope, { engine });
    installCompose(user);
    await importBaseImage(scope, user, "base");
    await buildServerImage(scope, user, "tagseal", "base");
    const { serverCertificate, serverKey } = await certificates(scope);
    copyFileSync(serverCertificate, scope.path("gateway.crt"));
    copyFileSync(serverKey, scope.path("gateway.key"));
    writeFileSync(scope.path("htpasswd"), `alice:${hashSync("wonderland", 4)}\n`);
    writeFileSync(scope.path("config.json"), "{}");
    writePolicy("registry.example.com");
    symlinkSync(resolve(import.meta.dirname, "../../deploy"), scope.path("deploy"));
    await documented(documentedLines("docs/gateway.md", "Containers"));
  });
  after(async () => await scope.close());

  function writePolicy(registry: string): void {
    const policy = { version: 1, default: { require: "reject" }, rules: { [registry]: { firstUse: true } } };
    writeFileSync(scope.path("policy.json"), JSON.stringify(policy));
  }

  /** Runs lines of the page where the files are. */
  async function documented(lines: string): Promise<Finished> {
    const [program, ...args] = commandOn(machine, "bash", "-ec", `cd "$1"; ${lines}`, "bash", scope.directory);
    const finished = await run(program, args, { env: user.env });
    assert.equal(finished.code, 0, `${lines}: ${finished.stderr}`);
    return finished;
  }

  /** The status of an answer, over TLS, from the machine that the gateway's port is published on. */
  async function status(path: string, ...flags: readonly string[]): Promise<string> {
    const { ca } = await certificates(scope);
    const curl = ["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "--max-time", "60", "--cacert", ca, ...flags];
    const [program, ...args] = commandOn(machine, ...curl, `https://localhost:5443${path}`);
    return (await run(program, args)).stdout;
  }

  it("I10: is healthy, asks who pulls, and takes another policy without a restart", async () => {
    await documented(documentedLines("docs/gateway.md", "Containers", 2));
    const inspected = async (format: string): Promise<string> => {
      const { stdout: id } = await user.dockerOk(["ps", "-q", "--filter", "label=com.docker.compose.service=gateway"]);
      return (await user.dockerOk(["inspect", "-f", format, id.trim()])).stdout.trim();
    };
    await waitUntil(
      "the container is healthy",
      async () => (await inspected("{{.State.Health.Status}}")) === "healthy",
      240_000,
    );
    const login = ["--user", "alice:wonderland"];
    assert.deepEqual([await status("/v2/"), await status("/v2/", ...login)], ["401", "200"]);
    // a port on which nothing listens in the container: the answer comes at once
    const other = "/v2/127.0.0.1_9/team/app/manifests/1.0";
    assert.equal(await status(other, ...login), "403", "a registry that the policy does not name");
    const began = await inspected("{{.State.StartedAt}}");
    writePolicy("127.0.0.1:9");
    copyFileSync(scope.path("policy.json"), scope.path("policy", "policy.json"));
    await documented(documentedLines("docs/gateway.md", "Containers", 3));
    await waitUntil("the policy is read", async () => (await status(other, ...login)) === "503", 30_000);
    assert.equal(await inspected("{{.State.StartedAt}} {{.RestartCount}}"), `${began} 0`);
    await user.dockerOk([
      "compose",
      "-p",
      await inspected('{{index .Config.Labels "com.docker.compose.project"}}'),
      "down",
      "-v",
    ]);
  });
});
