import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { digestOf, type Person, tagOf, trustStory } from "../../test/trust/trust-story.ts";
import { parseImageReference } from "../reference/image-reference.ts";
import { signTags } from "../trust/publishing/sign.ts";
import { resolveTrusted, type TrustedReference } from "./trusted-reference.ts";

const story = trustStory();

async function resolve(name: string, person?: Person): Promise<TrustedReference> {
  const somebody = person ?? (await story.person());
  const reference = parseImageReference(`localhost:5000/${name}`);
  return await resolveTrusted(reference, ({ repository }) => somebody.open(repository));
}

async function published(repository: string, ...tags: readonly string[]): Promise<void> {
  await signTags(
    await (await story.person()).open(repository),
    tags.map((tag) => tagOf(tag)),
  );
}

describe("a name under content trust", () => {
  it("stands for the digest its tag is signed for; latest without a tag", async () => {
    await published("resolve/app", "v1", "latest");
    assert.equal((await resolve("resolve/app:v1")).digest, digestOf("v1"));
    const { reference, digest } = await resolve("resolve/app");
    assert.deepEqual([reference.tag, reference.digest, digest], ["latest", digestOf("latest"), digestOf("latest")]);
  });

  it("I5: with tag and digest must be signed for exactly that digest, which docker does not look at", async () => {
    await published("both/app", "v1", "v2");
    assert.equal((await resolve(`both/app:v1@${digestOf("v1")}`)).digest, digestOf("v1"));
    await assert.rejects(resolve(`both/app:v1@${digestOf("v2")}`), { code: "TAG_DIGEST_MISMATCH" });
    await assert.rejects(resolve(`both/app:v3@${digestOf("v1")}`), { code: "TAG_NOT_SIGNED" });
  });

  it("is exact already with a digest alone, and no server is asked", async () => {
    const reference = parseImageReference(`localhost:5000/never/asked@${digestOf("x")}`);
    const resolved = await resolveTrusted(reference, () => assert.fail("asked"));
    assert.deepEqual(resolved, { reference, digest: digestOf("x") });
  });

  it("I9: is nothing when it is not signed", async () => {
    await published("unsigned/app", "v1");
    await assert.rejects(resolve("unsigned/app:v2"), { code: "TAG_NOT_SIGNED", message: "No valid trust data for v2" });
    await assert.rejects(resolve("nobody/signed:v1"), { code: "REPOSITORY_NOT_SIGNED" });
  });
});
