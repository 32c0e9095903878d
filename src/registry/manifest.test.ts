import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { fuzzRuns, hostileBytes } from "../../test/support/fuzz.ts";
import { contentOf, manifestBytes } from "../../test/support/registry-story.ts";
import { TagsealError, hasCode } from "../errors.ts";
import { describe, mediaTypes, parseManifest, verifyContent } from "./manifest.ts";

const config = contentOf("{}").descriptor;
const layer = contentOf("layer").descriptor;
const image = manifestBytes(config, [layer], { annotations: { a: "b" }, subject: config, artifactType: "x/y" });
const entry = {
  ...describe(image, mediaTypes.ociManifest),
  platform: { os: "linux", architecture: "arm", variant: "v7" },
};
const index = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [entry] }));

test("reads images and indexes", () => {
  const parsed = parseManifest(image, mediaTypes.ociManifest);
  assert.ok(parsed.kind === "image");
  assert.equal(parsed.config.digest, config.digest);
  assert.deepEqual(
    parsed.layers.map(({ digest }) => digest),
    [layer.digest],
  );
  assert.equal(parsed.subject?.digest, config.digest);
  assert.equal(parsed.artifactType, "x/y");
  assert.equal(parsed.annotations.get("a"), "b");
  const list = parseManifest(index, mediaTypes.ociIndex);
  assert.ok(list.kind === "index");
  assert.deepEqual(list.manifests[0]?.platform, { os: "linux", architecture: "arm", variant: "v7" });
});

test("I1: refuses documents of another shape than they claim", () => {
  const changed = (more: object): Buffer => Buffer.from(JSON.stringify({ ...JSON.parse(image.toString()), ...more }));
  const wrong: [bytes: Buffer, type: string][] = [
    [changed({ schemaVersion: 1 }), mediaTypes.ociManifest],
    [changed({ mediaType: mediaTypes.ociIndex }), mediaTypes.ociManifest],
    [changed({ manifests: [] }), mediaTypes.ociManifest],
    [changed({ layers: {} }), mediaTypes.ociManifest],
    [changed({ layers: [{ ...layer, size: -1 }] }), mediaTypes.ociManifest],
    [changed({ layers: [{ ...layer, size: "5" }] }), mediaTypes.ociManifest],
    [changed({ layers: [{ ...layer, size: 1.5 }] }), mediaTypes.ociManifest],
    [changed({ layers: [{ ...layer, size: 1e300 }] }), mediaTypes.ociManifest],
    [changed({ layers: [{ ...layer, digest: "sha256:../../../etc/passwd" }] }), mediaTypes.ociManifest],
    [changed({ layers: [{ ...layer, mediaType: "a\nb" }] }), mediaTypes.ociManifest],
    [changed({ layers: Array.from({ length: 2_001 }, () => layer) }), mediaTypes.ociManifest],
    [changed({ config: null }), mediaTypes.ociManifest],
    [changed({ annotations: { a: 1 } }), mediaTypes.ociManifest],
    [image, mediaTypes.ociIndex],
    [index, mediaTypes.ociManifest],
    [image, "application/vnd.docker.distribution.manifest.v1+json"],
    [Buffer.alloc(5_000_000, " "), mediaTypes.ociManifest],
  ];
  for (const [bytes, type] of wrong) {
    assert.throws(
      () => parseManifest(bytes, type),
      (error) => hasCode(error, "IMAGE_MALFORMED"),
    );
  }
});

test("reads the JSON other tools write: any number, a repeated member, names in another case", () => {
  const text = image.toString();
  const odd = [
    text.replace("{", '{"x":[6.5536e+07,1.5,12345678901234567890],'),
    text.replace("{", '{"schemaVersion":1,'),
    text.replace('"layers"', '"Layers"'),
    `\ufeff${text}`,
  ];
  for (const bytes of odd.map((changed) => Buffer.from(changed))) {
    const parsed = parseManifest(bytes, mediaTypes.ociManifest);
    assert.equal(parsed.kind === "image" && parsed.layers.length, 1);
  }
});

test("refuses a manifest whose members differ only by case: readers would see different images", () => {
  const twice = Buffer.from(image.toString().replace(/}$/, ',"Layers":[]}'));
  assert.throws(() => parseManifest(twice, mediaTypes.ociManifest), { code: "IMAGE_MALFORMED" });
  const both = Buffer.from(image.toString().replace(/}$/, ',"Manifests":[]}'));
  assert.throws(() => parseManifest(both, mediaTypes.ociManifest), { code: "IMAGE_MALFORMED" });
});

test("content is checked against digest and size, sha512 too", () => {
  const long = describe(image, mediaTypes.ociManifest, "sha512");
  verifyContent(image, long, "here");
  for (const expected of [{ ...long, size: 1 }, describe(index, "")]) {
    assert.throws(
      () => verifyContent(image, expected, "here"),
      (error) => hasCode(error, "REGISTRY_DIGEST_MISMATCH"),
    );
  }
});

test("fuzz: I1: any bytes are a well-shaped manifest or refused", () => {
  fc.assert(
    fc.property(
      hostileBytes(image, index),
      fc.constantFrom(mediaTypes.ociManifest, mediaTypes.ociIndex),
      (bytes, type) => {
        try {
          const parsed = parseManifest(bytes, type);
          for (const part of parsed.kind === "image" ? [parsed.config, ...parsed.layers] : parsed.manifests) {
            assert.match(part.digest, /^sha(256:[0-9a-f]{64}|512:[0-9a-f]{128})$/);
            assert.ok(Number.isSafeInteger(part.size) && part.size >= 0);
          }
        } catch (error) {
          assert.ok(error instanceof TagsealError, String(error));
          assert.equal(error.code, "IMAGE_MALFORMED");
        }
      },
    ),
    { numRuns: fuzzRuns },
  );
});
