/** The OCI distribution conformance suite judges both sides of the gateway, in front of a registry with a signed image. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Descriptor, mediaTypes } from "../../src/registry/manifest.ts";
import { signTags } from "../../src/trust/publishing/sign.ts";
import { gatewayStory } from "../support/gateway-story.ts";
import { findGoPeer } from "../support/go-peers.ts";
import { openedWith } from "../support/push-story.ts";
import { missingPeers, run, Scope } from "../support/peers.ts";

const notDeleting = {
  OCI_API_BLOBS_DELETE: "false",
  OCI_API_MANIFESTS_DELETE: "false",
  OCI_API_TAGS_DELETE: "false",
};

/** A gateway that takes no pushes has no other side. */
const pullOnly = { ...notDeleting, OCI_API_PUSH: "false" };

const passing = [
  "Ping",
  "Tag listing",
  "Blob get",
  "Blob head",
  "Manifest get by digest",
  "Manifest head by digest",
  "Manifest head by tag",
  "Referrers",
  "Read Only Inputs",
  "Invalid Manifest Digest",
];

const passingPushes = [
  "Blob upload cancel",
  "Blob push",
  "Blob post only",
  "Blob post put",
  "Blob chunked",
  "Blob streaming",
  "Blob mount",
  "Manifest put by tag",
  "Manifest put by digest",
  "Manifest put with subject",
  "Image with Large Manifest",
  "Bad Digest Image",
  "Invalid Manifest Digest",
  "Digest Algorithm sha512",
];

function failedTests(stderr: string): ReadonlySet<string> {
  const found = stderr.matchAll(/msg="failed test" name="OCI Conformance Test\/([^"]+)"/gu);
  return new Set([...found].map(([, name = ""]) => name));
}

/** How each part ended, by what the suite prints. */
function verdictsIn(stdout: string): ReadonlyMap<string, string> {
  const found = stdout.matchAll(/^ {2}(\S[^.:]*)\.*: +(\w+)$/gmu);
  return new Map([...found].map(([, name = "", verdict = ""]) => [name, verdict]));
}

describe("the gateway and the OCI conformance suite", { skip: missingPeers(["conformance"]) }, () => {
  const story = gatewayStory();

  it("passes what the suite asks of a registry that is only read: tags, manifests, blobs, referrers", async () => {
    await using scope = new Scope("gateway-conformance");
    const repository = "conformance/app";
    const image = await story.publish(repository, "v1");
    const client = story.client(repository);
    const { bytes } = await client.manifest(image.digest);
    const { layers, config } = JSON.parse(Buffer.from(bytes).toString()) as {
      layers: Descriptor[];
      config: Descriptor;
    };
    const index = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [image] }));
    const { digest, size } = await client.pushManifest("all", index, mediaTypes.ociIndex);
    await signTags(await story.publisher(repository), [{ tag: "all", digest, length: size }]);
    const gateway = await story.gateway({ registry: story.registry.host });
    const env = {
      ...pullOnly,
      OCI_REGISTRY: new URL(gateway.url).host,
      OCI_TLS: "disabled",
      OCI_VERSION: "1.1",
      OCI_REPO1: repository,
      OCI_RO_DATA_TAGS: "v1 all",
      OCI_RO_DATA_MANIFESTS: `${image.digest} ${digest}`,
      OCI_RO_DATA_BLOBS: [config, ...layers].map((blob) => blob.digest).join(" "),
      OCI_RO_DATA_REFERRERS: image.digest,
      OCI_RESULTS_DIR: scope.path("results"),
    };
    const { stdout, stderr } = await run(findGoPeer("conformance") ?? "conformance", [], { env, cwd: scope.directory });
    // An unsigned tag is refused with 403: on 404 an engine would go on to the registry itself.
    assert.deepEqual([...failedTests(stderr)], ["missing-manifest/by-tag"], `${stdout}${stderr}`);
    // It ends before it writes its results of a registry that is only read, so that what it prints counts.
    const verdicts = verdictsIn(stdout);
    for (const part of passing) assert.equal(verdicts.get(part), "Pass", `${part}\n${stdout}`);
  });

  it("passes what the suite asks of pushes, where the policy lets everything pass", async () => {
    await using scope = new Scope("gateway-conformance-pushes");
    const { host } = story.registry;
    const gateway = await story.gateway({
      registry: host,
      passThrough: [host],
      pushes: {},
      openUpstream: openedWith(),
      rules: { [host]: { mode: "skip" } },
    });
    const env = {
      ...notDeleting,
      OCI_REGISTRY: new URL(gateway.url).host,
      OCI_TLS: "disabled",
      OCI_VERSION: "1.1",
      OCI_USERNAME: "alice",
      OCI_PASSWORD: "right",
      OCI_API_BLOBS_UPLOAD_CANCEL: "true",
      OCI_API_BLOBS_DIGEST_HEADER: "true",
      OCI_API_MANIFESTS_DIGEST_HEADER: "true",
      OCI_RESULTS_DIR: scope.path("results"),
    };
    const { stdout, stderr } = await run(findGoPeer("conformance") ?? "conformance", [], { env, cwd: scope.directory });
    // What is not in the registry is 404 to a login, in both cases before it is asked what refers to it.
    assert.deepEqual([...failedTests(stderr)], ["empty/referrers", "missing-subject/referrers"], `${stdout}${stderr}`);
    const verdicts = verdictsIn(stdout);
    for (const part of passingPushes) assert.equal(verdicts.get(part), "Pass", `${part}\n${stdout}`);
  });
});
