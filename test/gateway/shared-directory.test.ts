/** Two gateways of one machine on one memory directory, one of which is killed while it writes down what it accepted. */
import assert from "node:assert/strict";
import { copyFileSync, mkdirSync } from "node:fs";
import { resolve } from "node:path";
import { after, before, describe, it } from "node:test";
import { type Answer, type Tampering, type TamperingProxy, startTamperingProxy } from "../trust/tampering-proxy.ts";
import { certificates } from "../support/certificates.ts";
import { tagsealCommand } from "../support/clients.ts";
import { gatewayStory } from "../support/gateway-story.ts";
import { type Environment, freePort, portAnswers, readText, type Running, Scope } from "../support/processes.ts";
import { missingPeers } from "../support/requirements.ts";

const repository = "shared/app";
const honest: Tampering = async (_asked, forward) => await forward();

interface Gateway {
  readonly process: Running;
  /** the digest that the tag is answered with, or the code of a refusal; undefined without an answer */
  tag(): Promise<string | undefined>;
}

describe("two gateways on one memory directory", { skip: missingPeers(["openssl"]) }, () => {
  const scope = new Scope("shared-directory");
  const story = gatewayStory();
  const memory = scope.path("memory");
  let proxy: TamperingProxy;
  let env: Environment;
  before(async () => {
    const { ca, serverCertificate, serverKey } = await certificates(scope);
    proxy = await startTamperingProxy(story.trust.url, { cert: readText(serverCertificate), key: readText(serverKey) });
    scope.defer(() => proxy.close());
    const server = new URL(proxy.url.replace("127.0.0.1", "localhost"));
    const tls = scope.path("docker", "tls", server.host);
    mkdirSync(tls, { recursive: true });
    copyFileSync(ca, `${tls}/ca.crt`);
    env = {
      HOME: scope.directory,
      DOCKER_CONFIG: scope.path("docker"),
      DOCKER_CONTENT_TRUST_SERVER: server.origin,
    };
  });
  after(async () => await scope.close());

  /** @param killedAt `after 2`: once the second role file of an update has got its place */
  async function start(killedAt?: string): Promise<Gateway> {
    const port = await freePort();
    const line = ["--listen", `127.0.0.1:${port}`, "--upstream", story.registry.host, "--data", memory];
    const killing = {
      NODE_OPTIONS: `--require=${resolve(import.meta.dirname, "../support/killed-writer.cjs")}`,
      KILLED_AT: killedAt,
    };
    // each question is a reading
    const process = await scope.start("gateway", tagsealCommand, ["gateway", ...line, "--refresh", "0"], {
      env: { ...env, ...(killedAt === undefined ? {} : killing) },
      ready: () => portAnswers(port),
    });
    const url = `http://127.0.0.1:${port}/v2/${story.registry.host.replace(":", "_")}/${repository}/manifests/v1`;
    return {
      process,
      async tag() {
        try {
          const answer = await fetch(url);
          const { errors } = (await answer.json()) as { errors?: { detail?: { reason?: string } }[] };
          return errors?.[0]?.detail?.reason ?? answer.headers.get("docker-content-digest") ?? String(answer.status);
        } catch {
          return undefined;
        }
      },
    };
  }

  function rememberedVersion(role: string): number {
    const path = `${memory}/tuf/${story.registry.host}/${repository}/metadata/${role}.json`;
    return (JSON.parse(readText(path)) as { signed: { version: number } }).signed.version;
  }

  it("I3: neither ever trusts an older state, wherever the other is killed, and each goes on", async () => {
    let signed = (await story.publish(repository, "v1", "image 0")).digest;
    const survivor = await start();
    for (const [index, killedAt] of ["before 1", "after 1", "after 2", "after 3"].entries()) {
      let timestamp: Answer | undefined;
      proxy.tamper = async ({ file }, forward) => {
        const answer = await forward();
        if (file === "timestamp.json") timestamp = answer;
        return answer;
      };
      const old = signed;
      assert.equal(await survivor.tag(), old, killedAt);
      const version = rememberedVersion("timestamp");
      proxy.tamper = honest;
      signed = (await story.publish(repository, "v1", `image ${index + 1}`)).digest;
      const victim = await start(killedAt);
      assert.equal(await victim.tag(), undefined, killedAt);
      assert.equal(await victim.process.ended, null, "it was killed");
      const isWritten = rememberedVersion("timestamp") > version;
      assert.equal(isWritten, killedAt !== "before 1", killedAt);
      // the server goes back to what was current before; what it names by its hash is there
      const goneBack: Tampering = async ({ file }, forward) =>
        file === "timestamp.json" ? (timestamp ?? "cut") : await forward();
      proxy.tamper = goneBack;
      const restarted = await start();
      const expected = isWritten ? "METADATA_VERSION_ROLLBACK" : old;
      for (const gateway of [survivor, restarted]) assert.equal(await gateway.tag(), expected, killedAt);
      // what was written by half is no obstacle, and counts for both from then on
      proxy.tamper = honest;
      assert.equal(await restarted.tag(), signed, killedAt);
      proxy.tamper = goneBack;
      for (const gateway of [survivor, restarted])
        assert.equal(await gateway.tag(), "METADATA_VERSION_ROLLBACK", killedAt);
      proxy.tamper = honest;
      assert.equal(await survivor.tag(), signed, killedAt);
      await restarted.process.stop();
    }
  });
});
