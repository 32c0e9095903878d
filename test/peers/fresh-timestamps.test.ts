/** I4: what docker and notary make of timestamps that live for a day, or for seconds, and are signed again behind their back. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { referenceLifetimes } from "../../src/server/freshness/lifetimes.ts";
import { startServer } from "../../src/server/run/start-server.ts";
import { parseMetadata } from "../../src/tuf/notary-v1/parse.ts";
import { certificates } from "../support/certificates.ts";
import { client, missingPeers, Scope, type Client } from "../support/peers.ts";
import type { ReachableTrustServer } from "../support/clients.ts";
import { waitUntil } from "../support/processes.ts";

const scope = new Scope("fresh-timestamps");
const gun = "localhost:5000/fresh/app";

async function startFreshServer(timestampMs?: number): Promise<ReachableTrustServer> {
  const { serverCertificate: certFile, serverKey: keyFile, ca } = await certificates(scope);
  const lifetimes = timestampMs === undefined ? undefined : { ...referenceLifetimes, timestampMs };
  const dataDir = scope.path(`server-${timestampMs ?? "default"}`);
  const server = await startServer({ host: "127.0.0.1", port: 0, dataDir, tls: { certFile, keyFile }, lifetimes });
  scope.defer(() => server.close());
  const port = Number(new URL(server.url).port);
  return { url: `https://localhost:${port}`, port, ca };
}

/** When the timestamp that this user's clients remember expires. */
function cachedExpiry(user: Client): number {
  const cached = join(user.trustDirectory, "tuf", gun, "metadata", "timestamp.json");
  return parseMetadata("timestamp", readFileSync(cached)).body.expiresAt.getTime();
}

async function publish(user: Client): Promise<void> {
  const content = join(user.dockerConfig, "content");
  writeFileSync(content, "hello\n");
  await user.notaryOk(["init", gun, "-p"]);
  await user.notaryOk(["add", "-p", gun, "v1", content]);
}

describe("timestamps that live shortly", { skip: missingPeers(["notary", "docker", "openssl"]) }, () => {
  let user: Client;
  before(async () => {
    user = client(scope, { server: await startFreshServer(), name: "day" });
    await publish(user);
  });
  after(async () => await scope.close());

  it("end a day from now, and neither notary nor docker has anything to say about that", async () => {
    const listed = await user.notaryOk(["list", gun]);
    assert.match(listed.stdout, /^v1\s/mu);
    assert.doesNotMatch(listed.stderr + listed.stdout, /expir|warn|cached timestamp/iu);
    const inspected = await user.dockerOk(["trust", "inspect", gun]);
    assert.match(inspected.stdout, /"SignedTag": "v1"/u);
    assert.doesNotMatch(inspected.stderr, /expir|warn/iu);
    assert.ok(Math.abs(cachedExpiry(user) - Date.now() - 86_400_000) < 600_000);
  });

  it("are believed by clients that come back after theirs has expired", async () => {
    const shortly = client(scope, { server: await startFreshServer(5000), name: "seconds" });
    await publish(shortly);
    for (let round = 0; round < 3; round += 1) {
      assert.match((await shortly.notaryOk(["list", gun])).stdout, /^v1\s/mu);
      assert.match((await shortly.dockerOk(["trust", "inspect", gun])).stdout, /"SignedTag": "v1"/u);
      const expiresAt = cachedExpiry(shortly);
      await waitUntil("the client's timestamp has expired", () => Date.now() > expiresAt);
    }
  });
});
