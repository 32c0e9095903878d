import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type ImageMount, imageMount } from "./mount-flag.ts";

const mountOf = (value: string, keptOnBy?: string): ImageMount | undefined =>
  imageMount(value, { command: "podman run", keptOnBy });
const pinned = (value: string): string | undefined => mountOf(value)?.withSource("PINNED");

describe("an image that is mounted", () => {
  const images: readonly (readonly [value: string, source: string, pinned: string])[] = [
    ["type=image,source=evil:1,target=/x", "evil:1", "type=image,source=PINNED,target=/x"],
    ["type=image,src=evil,dst=/x,rw=true", "evil", "type=image,source=PINNED,dst=/x,rw=true"],
    ["target=/x,source=evil,type=image", "evil", "target=/x,source=PINNED,type=image"],
    ["TYPE=Image,SRC=evil,target=/x", "evil", "TYPE=Image,source=PINNED,target=/x"],
    ['"type=image","source=evil",target=/x', "evil", "type=image,source=PINNED,target=/x"],
    ['type=image,source=evil,"target=/a,b"', "evil", 'type=image,source=PINNED,"target=/a,b"'],
    ['type=image,source=evil,"target=/a""b"', "evil", 'type=image,source=PINNED,"target=/a""b"'],
    [" type=image,source=evil,target=/x ", "evil", "type=image,source=PINNED,target=/x"],
    ["type= image,source= evil,target=/x", "evil", "type= image,source=PINNED,target=/x"],
  ];
  for (const [value, source, expected] of images) {
    it(`is found: ${value}`, () => {
      assert.deepEqual([mountOf(value)?.source, pinned(value)], [source, expected]);
    });
  }

  for (const value of [
    "type=bind,source=/x,target=/y",
    "source=image,target=/x",
    "type=volume,src=image,dst=/x",
    "type=tmpfs,target=/image",
    "type=image,target=/x",
    "type=image,source=,target=/x",
    "type=bind,source=/a,target=/type=image",
    "readonly,target=/x",
  ]) {
    it(`is none: ${value}`, () => assert.equal(mountOf(value), undefined));
  }

  for (const value of [
    "type=image,source=signed,source=evil,target=/x",
    "type=image,src=signed,source=evil,target=/x",
    "type=bind,type=image,source=evil,target=/x",
    "type=image,type=bind,source=evil,target=/x",
    'type=image,source=evil"x,target=/x',
    'type=image,"source=evil,target=/x',
    'type=image,"source=evil"x,target=/x',
    "type=bind,source=/x,target=/y\ntype=image,source=evil,target=/x",
  ]) {
    it(`I9: is refused where two engines could read it differently: ${JSON.stringify(value)}`, () => {
      assert.throws(() => mountOf(value), { code: "USAGE", message: /for "--mount" flag/u });
    });
  }

  it("I9: is refused when it is an artifact, which cannot be signed", () => {
    const artifact = "type=artifact,source=evil,target=/x";
    assert.throws(() => mountOf(artifact), {
      code: "COMMAND_NOT_COVERED",
      hint: /^Mount an image with type=image, or run it without content trust: DOCKER_CONTENT_TRUST=0 podman run$/u,
    });
    assert.throws(() => mountOf(artifact, "/etc/p.json"), { hint: /administrator .* policy \/etc\/p\.json/u });
  });

  it("is found again under its new name, whatever else stands there", () => {
    const field = fc
      .stringMatching(/^[a-z]{1,5}=[^\r\n]{0,8}$/u)
      .filter((text) => !/^(?:type|source|src)=/u.test(text));
    fc.assert(
      fc.property(fc.array(field, { maxLength: 4 }), (others) => {
        const value = ["type=image", ...others, "source=evil"]
          .map((text) => `"${text.replaceAll('"', '""')}"`)
          .join(",");
        const renamed = pinned(value) ?? "";
        assert.equal(mountOf(renamed)?.source, "PINNED");
      }),
    );
  });
});
