import assert from "node:assert/strict";
import { it } from "node:test";
import { digestFromHex, type Digest } from "../reference/digest.ts";
import { type Descriptor, type IndexManifest, mediaTypes } from "../registry/manifest.ts";
import { SignedContent } from "./signed-content.ts";

const digest = (number: number): Digest => digestFromHex("sha256", number.toString(16).padStart(64, "0"));
const descriptor = (number: number): Descriptor => ({
  mediaType: mediaTypes.ociManifest,
  digest: digest(number),
  size: 1,
});
const index = (...numbers: readonly number[]): IndexManifest => ({
  kind: "index",
  manifests: numbers.map(descriptor),
  subject: undefined,
  artifactType: undefined,
  annotations: new Map(),
});
const app = (repository: string) => ({ registry: "registry.example.com", repository });

it("knows what lists a manifest", () => {
  const content = new SignedContent();
  content.note(app("one"), digest(1), index(10, 11));
  content.note(app("one"), digest(2), index(11));
  assert.deepEqual([...(content.manifest(app("one"), digest(11))?.parents ?? [])], [digest(1), digest(2)]);
  assert.equal(content.manifest(app("other"), digest(11)), undefined);
  assert.equal(content.blob(app("one"), digest(11)), undefined);
});

it("I1: counts each place where something is listed, and forgets the repository that was used longest ago", () => {
  const content = new SignedContent(8);
  content.note(app("old"), digest(1), index(10));
  content.note(app("used"), digest(1), index(10));
  content.manifest(app("old"), digest(10));
  // the same manifest in many indexes takes memory for each
  for (let number = 2; number < 5; number++) content.note(app("old"), digest(number), index(10));
  assert.equal(content.repositories, 1);
  assert.ok(content.knows(app("old"), digest(4)));
  assert.equal(content.knows(app("used"), digest(1)), false);
});
