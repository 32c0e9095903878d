import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { connect } from "node:net";
import { it } from "node:test";
import { tagsealCommand } from "../support/clients.ts";
import { freePort, portAnswers, type Running, Scope, waitUntil } from "../support/processes.ts";
import { alice } from "../support/push-story.ts";
import { contentOf, manifestBytes } from "../support/registry-story.ts";
import { startSandbox } from "../support/sandbox.ts";
import { mediaTypes } from "../../src/registry/manifest.ts";

const repository = "killed/pushes";

it("a gateway that is killed while it passes a push on leaves nothing that counts, and the push succeeds when it is repeated", async () => {
  await using scope = new Scope("killed-pushes");
  const { env } = await startSandbox(scope);
  const registry = env["REGISTRY"] ?? "";
  const port = await freePort();
  const before = ["--registry", registry, "--pass-through", registry, "--pushes", "--data", scope.path("gateway")];
  const start = async (): Promise<Running> =>
    await scope.start("gateway", tagsealCommand, ["gateway", "--listen", `127.0.0.1:${port}`, ...before], {
      env: { ...env, HOME: scope.directory },
      ready: () => portAnswers(port),
    });
  const ask = async (path: string, init: RequestInit = {}): Promise<Response> =>
    await fetch(`http://127.0.0.1:${port}${path}`, {
      ...init,
      headers: { ...(init.headers as Record<string, string>), authorization: alice },
    });
  const begin = async (): Promise<string> => {
    const answer = await ask(`/v2/${repository}/blobs/uploads/`, { method: "POST" });
    return answer.headers.get("location") ?? assert.fail(await answer.text());
  };
  /** What the registry itself says. */
  const stored = async (path: string): Promise<Response> =>
    await fetch(`http://${registry}/v2/${repository}/${path}`, { headers: { accept: mediaTypes.ociManifest } });
  const layer = randomBytes(8 * 1024 * 1024);
  const { descriptor } = contentOf(layer);

  let gateway = await start();
  const location = await begin();
  await sendHalf(port, location, layer);
  await gateway.stop("SIGKILL");
  assert.equal((await stored(`blobs/${descriptor.digest}`)).status, 404);

  gateway = await start();
  assert.equal(
    (await ask(location, { method: "PATCH", body: layer })).status,
    404,
    "that upload ended with the gateway",
  );
  const again = await ask(await begin(), { method: "PATCH", body: layer });
  assert.equal(again.status, 202);
  await gateway.stop("SIGKILL");
  assert.equal((await stored(`blobs/${descriptor.digest}`)).status, 404, "sent whole, not completed");

  await start();
  const config = contentOf("{}");
  for (const [body, { digest }] of [
    [layer, descriptor],
    [Buffer.from("{}"), config.descriptor],
  ] as const) {
    const done = await ask(`${await begin()}?digest=${digest}`, { method: "PUT", body });
    assert.equal(done.status, 201, await done.text());
  }
  const headers = { "content-type": mediaTypes.ociManifest };
  const body = manifestBytes(config.descriptor, [descriptor]);
  const put = await ask(`/v2/${repository}/manifests/v1`, { method: "PUT", headers, body });
  assert.equal(put.status, 201, await put.text());
  assert.deepEqual(Buffer.from(await (await stored(`blobs/${descriptor.digest}`)).arrayBuffer()), layer);
  assert.deepEqual(Buffer.from(await (await stored("manifests/v1")).arrayBuffer()), body);
  assert.equal((await ask(`/v2/${repository}/manifests/v1`)).status, 403, "nobody signed it");
});

/** Sends half of a body, and waits until the gateway has taken it. */
async function sendHalf(port: number, location: string, body: Buffer): Promise<void> {
  const socket = connect(port, "127.0.0.1").on("error", () => undefined);
  const head = `PATCH ${location} HTTP/1.1\r\nHost: x\r\nAuthorization: ${alice}\r\nContent-Length: ${body.length}\r\n\r\n`;
  let taken = false;
  socket.write(head);
  socket.write(body.subarray(0, body.length / 2), () => (taken = true));
  await waitUntil("the gateway takes half of it", () => taken && socket.writableLength === 0, 10_000);
}
