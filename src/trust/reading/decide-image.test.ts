import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { digestOf, type Person, tagOf, trustStory } from "../../../test/trust/trust-story.ts";
import { PrivateKey } from "../../crypto/private-key.ts";
import { NetworkError } from "../../errors.ts";
import type { Policy } from "../../policy/policy.ts";
import { parsePolicy } from "../../policy/policy-parser.ts";
import { requirementsFor } from "../../policy/requirements.ts";
import type { Digest } from "../../reference/digest.ts";
import { parseImageReference, withDefaultTag } from "../../reference/image-reference.ts";
import { signTags } from "../publishing/sign.ts";
import { addSigner } from "../signers/signer.ts";
import type { TrustContext } from "../trust-context.ts";
import { allowedDigest, decideImage } from "./decide-image.ts";
import { listRootKeys } from "./root-keys.ts";

const story = trustStory();

/** The digest that may be used of an image, with what its policies require. */
async function resolve(name: string, person?: Person, ...policies: readonly Policy[]): Promise<Digest | undefined> {
  const somebody = person ?? (await story.person());
  const required = requirementsFor(policies, withDefaultTag(parseImageReference(`localhost:5000/${name}`)));
  const { verdict } = await decideImage(required, () =>
    somebody.open(required.identity.repository, {
      ...(required.pinning && { pinning: required.pinning }),
      ...(required.maxStalenessMs !== undefined && { maxStalenessMs: required.maxStalenessMs }),
    }),
  );
  return allowedDigest(verdict);
}

function policy(rule: object): Policy {
  const text = JSON.stringify({ version: 1, default: rule });
  return parsePolicy(text, { source: "policy.json", read: () => assert.fail("no file is named") });
}

async function published(repository: string, ...tags: readonly string[]): Promise<void> {
  await signTags(
    await (await story.person()).open(repository),
    tags.map((tag) => tagOf(tag)),
  );
}

/** `v1` signed with the repository key alone, then `v2` by all signers. */
async function publishedBy(repository: string, signers: Readonly<Record<string, PrivateKey>>): Promise<TrustContext> {
  const owner = await story.person();
  const context = await owner.open(repository);
  await signTags(context, [tagOf("v1")]);
  for (const [name, key] of Object.entries(signers)) {
    if ((await owner.keys.find(key.publicKey.keyId)) === undefined) await owner.keys.add(key, { role: name });
    await addSigner(context, name, [key.publicKey]);
  }
  await signTags(context, [tagOf("v2")]);
  return context;
}

describe("a name under content trust", () => {
  it("stands for the digest its tag is signed for; latest without a tag", async () => {
    await published("resolve/app", "v1", "latest");
    assert.equal(await resolve("resolve/app:v1"), digestOf("v1"));
    assert.equal(await resolve("resolve/app"), digestOf("latest"));
  });

  it("I5: with tag and digest must be signed for exactly that digest, which docker does not look at", async () => {
    await published("both/app", "v1", "v2");
    assert.equal(await resolve(`both/app:v1@${digestOf("v1")}`), digestOf("v1"));
    await assert.rejects(resolve(`both/app:v1@${digestOf("v2")}`), { code: "TAG_DIGEST_MISMATCH" });
    await assert.rejects(resolve(`both/app:v3@${digestOf("v1")}`), { code: "TAG_NOT_SIGNED" });
  });

  it("is exact already with a digest alone, and no server is asked", async () => {
    const required = requirementsFor([], parseImageReference(`localhost:5000/never/asked@${digestOf("x")}`));
    const { verdict } = await decideImage(required, () => assert.fail("asked"));
    assert.equal(allowedDigest(verdict), digestOf("x"));
  });

  it("I9: is nothing when it is not signed", async () => {
    await published("unsigned/app", "v1");
    await assert.rejects(resolve("unsigned/app:v2"), { code: "TAG_NOT_SIGNED", message: "No valid trust data for v2" });
    await assert.rejects(resolve("nobody/signed:v1"), { code: "REPOSITORY_NOT_SIGNED" });
  });
});

describe("a name under a policy", () => {
  it("I9: that pins another root is refused, also where the root was remembered before the policy", async () => {
    await published("pinned/app", "v1");
    const reader = await story.person();
    assert.equal(await resolve("pinned/app:v1", reader), digestOf("v1"));
    const other = policy({ roots: [`sha256:${"ab".repeat(32)}`] });
    await assert.rejects(resolve("pinned/app:v1", reader, other), { code: "ROOT_PINNING_MISMATCH" });
    await assert.rejects(resolve("pinned/app:v1", undefined, other), { code: "ROOT_PINNING_MISMATCH" });
  });

  it("is allowed by each of the numbers that name its root key", async () => {
    await published("numbers/app", "v1");
    const { keys } = await listRootKeys(await (await story.person()).open("numbers/app"));
    const [key] = keys;
    assert.ok(key !== undefined);
    for (const id of [key.keyId, key.certificateId, key.keyId.toUpperCase()])
      assert.equal(await resolve("numbers/app:v1", undefined, policy({ roots: [`sha256:${id}`] })), digestOf("v1"));
  });

  it("I9: is refused at first contact where first use is forbidden, and allowed where it is known", async () => {
    await published("first/app", "v1");
    const reader = await story.person();
    const known = policy({ firstUse: false });
    await assert.rejects(resolve("first/app:v1", reader, known), { code: "ROOT_PINNING_MISMATCH" });
    await resolve("first/app:v1", reader);
    assert.equal(await resolve("first/app:v1", reader, known), digestOf("v1"));
  });

  it("with a digest alone must be signed now, unless the rule accepts any", async () => {
    await published("digests/app", "v1");
    const signed = policy({ firstUse: true });
    assert.equal(await resolve(`digests/app@${digestOf("v1")}`, undefined, signed), digestOf("v1"));
    await assert.rejects(resolve(`digests/app@${digestOf("v2")}`, undefined, signed), { code: "TAG_NOT_SIGNED" });
    const any = policy({ firstUse: true, digests: "any" });
    assert.equal(await resolve(`digests/app@${digestOf("v2")}`, undefined, any), digestOf("v2"));
  });

  it("with the digest of a platform counts as the signed index that lists it", async () => {
    await published("listed/app", "v1");
    const reader = await story.person();
    const required = requirementsFor(
      [policy({ firstUse: true, digests: "signed" })],
      parseImageReference(`localhost:5000/listed/app@${digestOf("platform")}`),
    );
    const open = async () => await reader.open("listed/app");
    const listing = async (signed: readonly Digest[], wanted: Digest): Promise<Digest | undefined> =>
      wanted === digestOf("platform") ? signed.find((digest) => digest === digestOf("v1")) : undefined;
    assert.equal(allowedDigest((await decideImage(required, open, listing)).verdict), digestOf("platform"));
    const { verdict } = await decideImage(required, open, async () => undefined);
    assert.ok(verdict.outcome === "refused" && verdict.error.code === "TAG_NOT_SIGNED");
    const broken = new NetworkError("NETWORK_UNREACHABLE", "the registry does not answer");
    const { verdict: unknown } = await decideImage(required, open, async () => await Promise.reject(broken));
    assert.ok(unknown.outcome === "refused" && unknown.error === broken);
    const named = parseImageReference(`localhost:5000/listed/app:v9@${digestOf("platform")}`);
    const { verdict: ofTag } = await decideImage(requirementsFor([policy({ firstUse: true })], named), open, listing);
    assert.ok(ofTag.outcome === "refused" && ofTag.error.code === "TAG_NOT_SIGNED", "the tag must mean this");
  });

  it("counts as whichever signed index lists it and satisfies the rule", async () => {
    const context = await publishedBy("several/app", { ci: PrivateKey.generate("ecdsa") });
    const name = parseImageReference(`localhost:5000/several/app@${digestOf("platform")}`);
    const listing = async (signed: readonly Digest[]): Promise<Digest | undefined> => signed[0];
    for (const [signer, outcome] of [
      ["ci", "allowed"],
      ["qa", "refused"],
    ] as const) {
      const required = requirementsFor([policy({ firstUse: true, signers: { anyOf: [signer] } })], name);
      const { verdict } = await decideImage(required, async () => context, listing);
      assert.equal(verdict.outcome, outcome);
    }
  });

  it("I9: needs as many keys as signers: two names with one key are one signer", async () => {
    const [one, other] = [PrivateKey.generate("ecdsa"), PrivateKey.generate("ecdsa")];
    await publishedBy("keys/shared", { ci: one, copy: one, qa: other });
    const needs = (...anyOf: readonly string[]): Policy => policy({ firstUse: true, signers: { anyOf, threshold: 2 } });
    for (const names of [
      ["ci", "qa"],
      ["ci", "copy", "qa"],
    ])
      assert.equal(await resolve("keys/shared:v2", undefined, needs(...names)), digestOf("v2"));
    for (const rule of [needs("ci", "copy"), policy({ firstUse: true, signers: { allOf: ["ci", "copy", "qa"] } })])
      await assert.rejects(resolve("keys/shared:v2", undefined, rule), {
        code: "POLICY_REFUSED",
        message: /signers who share a key count once/u,
      });
    const byDigest = needs("ci", "copy");
    await assert.rejects(resolve(`keys/shared@${digestOf("v2")}`, undefined, byDigest), { code: "POLICY_REFUSED" });
  });

  it("is refused when its server is down, and used as it is where the rule skips it", async () => {
    const down = requirementsFor([policy({ firstUse: true })], parseImageReference("localhost:5000/down/app:v1"));
    const person = await story.person();
    const { verdict } = await decideImage(down, () => person.open("down/app", { via: { url: "https://127.0.0.1:9" } }));
    assert.equal(verdict.outcome === "refused" && verdict.error.code, "NETWORK_UNREACHABLE");
    assert.equal(await resolve("anything/app:v1", undefined, policy({ mode: "skip" })), undefined);
  });
});
