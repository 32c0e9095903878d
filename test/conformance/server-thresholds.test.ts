/** Uploads to a collection whose root and targets several keys must sign: what too few keys signed is never stored. */

import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { describe, test } from "node:test";
import { createRootCertificate } from "../../src/crypto/certificate.ts";
import { PrivateKey } from "../../src/crypto/private-key.ts";
import { PublicKey } from "../../src/crypto/public-key.ts";
import type { JsonObject } from "../../src/encoding/json.ts";
import { CollectionEditor } from "../../src/tuf/editor.ts";
import type { RoleName } from "../../src/tuf/metadata.ts";
import type { RefusalKind } from "../../src/tuf/update-refused.ts";
import { gun, now, target } from "../support/editing-story.ts";
import { forged, nextFiles, serverStory, type ServerStory } from "../support/validating-server.ts";

interface Thresholds extends ServerStory {
  readonly three: readonly [PublicKey, PublicKey, PublicKey];
  readonly two: readonly [PublicKey, PublicKey];
}

/** Two of three keys sign targets, two of two the root. */
async function thresholdStory(): Promise<Thresholds> {
  const story = await serverStory();
  const { held } = story;
  const three = [held.generate(), held.generate(), held.generate()] as const;
  const two = [await held.generateRoot(gun, now), await held.generateRoot(gun, now)] as const;
  const files = await nextFiles(story, (editor) => {
    editor.rotateKey("root", two, 2);
    editor.rotateKey("targets", three, 2);
  });
  await story.server.upload(files);
  return { ...story, three, two };
}

async function refused(
  story: ServerStory,
  files: Map<RoleName, Uint8Array>,
  kind: RefusalKind,
  message: RegExp,
): Promise<void> {
  const before = story.server.state;
  await rejects(story.server.upload(files), { code: "UPDATE_REFUSED", kind, message });
  equal(story.server.state, before, "nothing was stored");
}

async function signedBy(
  story: Thresholds,
  role: RoleName,
  edit: (editor: CollectionEditor) => void,
  signers: readonly PublicKey[],
): Promise<Map<RoleName, Uint8Array>> {
  const files = await nextFiles(story, edit);
  const bytes = files.get(role);
  ok(bytes, `${role} is part of the update`);
  return files.set(role, await forged(bytes, () => undefined, signers, story.held));
}

describe("a server asks for as many keys as the role", () => {
  test("I2: targets by one of two, or by one key twice, are refused; by any two they are stored", async () => {
    const story = await thresholdStory();
    const [a, b, c] = story.three;
    const edit = (editor: CollectionEditor): unknown => editor.addTarget("targets", "v2", target("two"));
    for (const signers of [[a], [a, a], [c, story.keys.targets]])
      await refused(
        story,
        await signedBy(story, "targets", edit, signers),
        "ErrBadTargets",
        /^valid signatures did not meet threshold for targets$/,
      );
    await story.server.upload(await signedBy(story, "targets", edit, [b, c]));
    deepEqual([...(await story.server.read()).targets.body.targets.keys()], ["v1", "v2"]);
  });

  test("I2: a root by one of two is refused, whatever it changes, also its own threshold", async () => {
    const story = await thresholdStory();
    const [a, b] = story.two;
    const changes: readonly ((editor: CollectionEditor) => void)[] = [
      (editor) => editor.rotateKey("root", [a, b], 1),
      (editor) => editor.rotateKey("root", [a], 1),
      (editor) => editor.renewRoot(),
    ];
    for (const edit of changes) {
      for (const signers of [[a], [a, a], [b]])
        await refused(
          story,
          await signedBy(story, "root", edit, signers),
          "ErrBadRoot",
          /^could not (rotate|validate)/,
        );
    }
    await story.server.upload(await signedBy(story, "root", (editor) => editor.rotateKey("root", [a, b], 1), [a, b]));
    equal((await story.server.read()).root.body.roles.get("root")?.threshold, 1);
  });

  test("I2: two certificates of one key do not reach a threshold of two", async () => {
    const story = await serverStory();
    const key = PrivateKey.generate("ecdsa");
    story.held.hold(key);
    const certificates = await Promise.all(
      [0, 1].map(async () => PublicKey.fromCertificatePem(await createRootCertificate(key, gun, now))),
    );
    const files = await nextFiles(story, (editor) => editor.rotateKey("root", certificates));
    const change = (signed: JsonObject): void => {
      (signed["roles"] as Record<string, JsonObject>)["root"] = {
        keyids: certificates.map((one) => one.keyId),
        threshold: 2,
      };
    };
    const root = files.get("root");
    ok(root);
    files.set("root", await forged(root, change, [story.keys.rootKey, ...certificates], story.held));
    await refused(story, files, "ErrBadRoot", /failed to validate integrity of roots/);
  });

  test("I2: a first publication is signed by as many root keys as it says", async () => {
    const story = await thresholdStory();
    const more = await story.held.generateRoot(gun, now);
    story.server.forget();
    const { keys, held } = story;
    const first = CollectionEditor.create(gun, { ...keys, moreRootKeys: [more], rootThreshold: 2 });
    await rejects(first.sign(held.without(more).signingKeys, { now, initial: true }), { code: "SIGNING_KEY_MISSING" });
    const files = new Map(await first.sign(held.signingKeys, { now, initial: true }));
    const root = files.get("root");
    ok(root);
    const alone = new Map(files).set("root", await forged(root, () => undefined, [more], held));
    await refused(story, alone, "ErrBadRoot", /failed to validate integrity of roots/);
    await story.server.upload(files);
    equal((await story.server.read()).root.signatures.length, 2);
  });
});
