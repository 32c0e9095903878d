/**
 * Docker Hub after its trust server is closed: what people are told to do instead, with a registry of the test's in Docker Hub's place, a registry and
 * a separate trust server, and a real engine.
 */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { documentedLines } from "../support/documented-lines.ts";
import { placeCertificate, startMachine, trustDocumented, type Machine } from "../support/machine.ts";
import {
  buildImage,
  client,
  missingPeers,
  passphraseEnvironment,
  Scope,
  startDockerd,
  startDockerRegistry,
} from "../support/peers.ts";
import type { Environment } from "../support/processes.ts";

const peers = ["docker", "dockerd", "registry", "skopeo", "machine", "openssl", "busybox", "python"] as const;
const server = "https://trust.example.com:4443";

describe("people whose images are on Docker Hub", { skip: missingPeers(peers) }, () => {
  const scope = new Scope("docker-hub-guide");
  const home = scope.path("alice");
  let machine: Machine;
  let alice: Environment;
  let move: (label: string) => Promise<void>;

  before(async () => {
    machine = await startMachine(scope);
    mkdirSync(home);
    await placeCertificate(scope, machine);
    const known = await trustDocumented(scope, machine);
    const [engine] = await Promise.all([startDockerd(scope, { machine }), startDockerRegistry(scope, { machine })]);
    const line = "tagseal server --listen 0.0.0.0:4443 --data data --tls-cert server.crt --tls-key server.key";
    await machine.start("server", line, { ready: () => machine.answers(`${server}/_tagseal/ready`) });
    alice = { HOME: home, DOCKER_BUILDKIT: "0", DOCKER_HOST: engine.host, ...known, ...passphraseEnvironment };
    const publisher = client(scope, { engine, name: "publisher" });
    move = async (label) => {
      await buildImage(scope, publisher, "alpine:3.20", label);
      await publisher.dockerOk(["push", "alpine:3.20"], { env: { DOCKER_CONTENT_TRUST: undefined } });
      await publisher.dockerOk(["rmi", "alpine:3.20"]);
    };
    await move("one");
  });
  after(async () => await scope.close());

  const run = async (lines: string): Promise<string> =>
    (await machine.run(`exec 2>&1\n${lines}`, { env: alice })).stdout;

  it("see what happened: its trust server's name does not resolve", async () => {
    const said = await run("tagseal verify alpine:3.20 || echo exit $?; true");
    assert.match(
      said,
      /^cannot reach notary\.docker\.io .*; Docker shuts? Docker Hub's trust server .* 8 December 2026$/mu,
    );
    assert.match(said, /^hint: Set DOCKER_CONTENT_TRUST_SERVER .*\[NETWORK_UNREACHABLE\]\nexit 4$/mu);
  });

  it("find what relies on it", async () => {
    writeFileSync(join(machine.directory, "Dockerfile"), "FROM alpine:3.20\n");
    const lines = documentedLines("docs/docker-hub.md", "Find what relies on it").trim();
    const said = await run(`export DOCKER_CONTENT_TRUST=1; ${lines} || true`);
    assert.match(said, /warning {2}Dockerfile builds from alpine:3\.20 of Docker Hub; Docker shuts? /u);
  });

  it("sign a mirror, and build and run from it", async () => {
    await run(documentedLines("docs/docker-hub.md", "A signed mirror"));
    const said = await run(
      `export DOCKER_CONTENT_TRUST_SERVER=${server}\n${documentedLines("docs/docker-hub.md", "A signed mirror", 2)}`,
    );
    assert.match(said, new RegExp(`${new Date().getUTCFullYear()}$`, "mu"));
    assert.match((await machine.run("docker image inspect app:1.0", { env: alice })).stdout, /"build": "one"/u);
  });

  it("sign Docker Hub's own names, and get what they signed after the tag moved", async () => {
    const lines = documentedLines("docs/docker-hub.md", "Docker Hub's names, signed by you");
    const digest = /^Signed .*alpine:3\.20@(sha256:[0-9a-f]{64}) /mu.exec(await run(lines))?.[1] ?? "";
    await move("two");
    const again = await run(
      `export DOCKER_CONTENT_TRUST=1 DOCKER_CONTENT_TRUST_SERVER=${server}\ntagseal pull alpine:3.20 && tagseal verify alpine:3.20`,
    );
    assert.ok(digest !== "" && again.includes(digest), again);
    assert.ok(existsSync(join(home, ".docker/trust/tuf/docker.io/library/alpine")));
    await run(documentedLines("docs/docker-hub.md", "Docker Hub's names, signed by you", 2));
    assert.equal(existsSync(join(home, ".docker/trust/tuf/docker.io/library/alpine")), false);
  });

  it("take over an update when they signed it, and not before", async () => {
    const verify = `export DOCKER_CONTENT_TRUST_SERVER=${server}\ntagseal verify registry.example.com/mirror/alpine:3.20`;
    const before = await run(verify);
    await run(documentedLines("docs/docker-hub.md", "Keep it current"));
    assert.notEqual(await run(verify), before);
  });
});
