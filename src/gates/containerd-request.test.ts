import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { TagsealError } from "../errors.ts";
import { formatReference } from "../reference/image-reference.ts";
import { descriptorMediaType, imageOfVerifierCall, type VerifierCall } from "./containerd-request.ts";

const one = `sha256:${"1".repeat(64)}`;
const two = `sha256:${"2".repeat(64)}`;

function call(name: string, changes: Partial<VerifierCall> = {}): string {
  const input = JSON.stringify({ mediaType: "application/vnd.oci.image.index.v1+json", digest: one, size: 7 });
  return formatReference(
    imageOfVerifierCall({ name, digest: one, mediaType: descriptorMediaType, input, ...changes }).resolved,
  );
}

function refuses(name: string, changes: Partial<VerifierCall>, message: RegExp): void {
  assert.throws(
    () => call(name, changes),
    (error: unknown) => error instanceof TagsealError && message.test(error.message),
    String(message),
  );
}

describe("what containerd asks", () => {
  it("is a tag at the digest that the registry has for it", () => {
    assert.equal(call("localhost:5000/team/app:v1"), `localhost:5000/team/app:v1@${one}`);
    assert.equal(call("docker.io/library/redis:7"), `docker.io/library/redis:7@${one}`);
    assert.equal(call(`quay.io/team/app@${one}`), `quay.io/team/app@${one}`);
    assert.equal(call(`quay.io/team/app:v1@${one}`), `quay.io/team/app:v1@${one}`);
  });

  it("I9: is the tag latest, never any digest, where a name has neither tag nor digest", () => {
    assert.equal(call("quay.io/team/app"), `quay.io/team/app:latest@${one}`);
  });

  it("I9: is refused for a name that containerd reads as another host than docker", () => {
    for (const name of ["redis:7", "team/app:v1", "docker.io/redis:7", "index.docker.io/library/redis:7"])
      refuses(name, {}, /is not a complete name/u);
    refuses("quay.io/Team/app:v1", {}, /invalid reference format|must be lowercase/u);
    refuses("--help", {}, /invalid reference format/u);
  });

  it("I9: is refused when its parts contradict each other or are missing", () => {
    const name = "quay.io/team/app:v1";
    refuses(name, { digest: two }, /the descriptor is not that of sha256:2/u);
    refuses(`quay.io/team/app@${two}`, {}, /resolved to another digest/u);
    refuses(name, { digest: undefined }, /one of them is missing/u);
    refuses(name, { digest: "latest" }, /invalid checksum digest format/u);
    refuses(name, { mediaType: "application/vnd.oci.descriptor.v2+json" }, /is not known/u);
    for (const input of ["", "[]", "{}", '{"digest":7}']) refuses(name, { input }, /is not JSON|is not that of/u);
  });

  it("I1: is refused when the descriptor is too large", () => {
    refuses("quay.io/team/app:v1", { input: undefined }, /more than 65536 bytes/u);
  });
});
