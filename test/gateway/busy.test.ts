import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { request } from "node:http";
import { gatewayStory } from "../support/gateway-story.ts";
import { contentOf, manifestBytes } from "../support/registry-story.ts";
import { mediaTypes } from "../../src/registry/manifest.ts";
import { signTags } from "../../src/trust/publishing/sign.ts";
import type { GatewayOptions } from "../../src/gateway/gateway-options.ts";

const story = gatewayStory();

describe("a busy gateway", () => {
  it("reads trust data once for 200 clients that pull one tag at a time, and the manifest once", async () => {
    const image = await story.publish("busy/app", "v1");
    const person = await story.trust.person();
    let reads = 0;
    const openTrust: GatewayOptions["openTrust"] = async ({ identity }) => {
      reads += 1;
      return await person.open(identity.repository, { reference: identity, access: "read" });
    };
    const gateway = await story.gateway({ openTrust });
    story.asked.length = 0;
    const pull = async (): Promise<string | null> => {
      const head = await gateway.ask("busy/app", "manifests/v1", { method: "HEAD" });
      const digest = head.headers.get("docker-content-digest");
      const { layers } = (await (await gateway.ask("busy/app", `manifests/${digest}`)).json()) as {
        layers: { digest: string }[];
      };
      const blob = await gateway.ask("busy/app", `blobs/${layers[0]?.digest}`);
      return blob.ok && (await blob.text()) === "layer of v1" ? digest : null;
    };
    const digests = await Promise.all(Array.from({ length: 200 }, pull));
    assert.deepEqual([...new Set(digests)], [image.digest]);
    assert.equal(reads, 1);
    assert.equal(story.asked.filter((line) => line.includes("/manifests/")).length, 1);
  });

  it("waits for a client that reads slowly, and leaves nothing behind for each time that it waited", async () => {
    const client = story.client("slow/app");
    const layer = contentOf(Buffer.alloc(24 * 1024 * 1024, "slow"));
    const config = contentOf("{}");
    for (const part of [config, layer]) await client.pushBlob(part);
    const bytes = manifestBytes(config.descriptor, [layer.descriptor]);
    const { digest, size } = await client.pushManifest("v1", bytes, mediaTypes.ociManifest);
    await signTags(await story.publisher("slow/app"), [{ tag: "v1", digest, length: size }]);
    const warnings: string[] = [];
    const note = (warning: Error): void => void warnings.push(warning.message);
    process.on("warning", note);
    const gateway = await story.gateway();
    await gateway.ask("slow/app", "manifests/v1");
    const url = `${gateway.url}/v2/${story.registry.host.replace(":", "_")}/slow/app/blobs/${layer.descriptor.digest}`;
    const received = await new Promise<number>((resolve, reject) => {
      request(url, (response) => {
        let count = 0;
        response.on("data", (chunk: Buffer) => {
          count += chunk.length;
          response.pause();
          setTimeout(() => response.resume(), 1);
        });
        response.on("end", () => resolve(count)).on("error", reject);
      })
        .on("error", reject)
        .end();
    });
    process.off("warning", note);
    assert.equal(received, layer.descriptor.size);
    assert.deepEqual(warnings, []);
  });
});
