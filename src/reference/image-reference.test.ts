import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { hasCode } from "../errors.ts";
import { digestAlgorithm, digestFromHex, digestHex, isDigest, parseDigest } from "./digest.ts";
import {
  familiarName,
  familiarReference,
  formatReference,
  gunOf,
  type ImageReference,
  parseImageReference,
  withDefaultTag,
} from "./image-reference.ts";

const runs = Number(process.env["TAGSEAL_FUZZ_RUNS"] ?? 300);
const zeros = "0".repeat(64);

const understood: [typed: string, registry: string, repository: string, tag?: string | undefined, digest?: string][] = [
  ["alpine", "docker.io", "library/alpine"],
  ["library/alpine", "docker.io", "library/alpine"],
  ["docker.io/alpine", "docker.io", "library/alpine"],
  ["index.docker.io/alpine", "docker.io", "library/alpine"],
  ["index.docker.io/me/app", "docker.io", "me/app"],
  ["me/app:1.0", "docker.io", "me/app", "1.0"],
  ["me/deep/app", "docker.io", "me/deep/app"],
  ["localhost/app", "localhost", "app"],
  ["localhost:5000/app:x", "localhost:5000", "app", "x"],
  ["alpine:5000", "docker.io", "library/alpine", "5000"],
  ["reg.example.com/app", "reg.example.com", "app"],
  ["Reg/app", "Reg", "app"],
  ["REG.example.com:443/a/b-c__d.e", "REG.example.com:443", "a/b-c__d.e"],
  ["127.0.0.1:5000/app", "127.0.0.1:5000", "app"],
  ["[::1]/app", "[::1]", "app"],
  ["[2001:db8::1]:5000/a/b:t", "[2001:db8::1]:5000", "a/b", "t"],
  [`alpine@sha256:${zeros}`, "docker.io", "library/alpine", undefined, `sha256:${zeros}`],
  [`h:1/a:T_.-@sha512:${zeros}${zeros}`, "h:1", "a", "T_.-", `sha512:${zeros}${zeros}`],
  [`a:${"t".repeat(128)}`, "docker.io", "library/a", "t".repeat(128)],
  [`h.io/${"r".repeat(255)}`, "h.io", "r".repeat(255)],
];

for (const [typed, registry, repository, tag, digest] of understood) {
  test(`reads ${typed.slice(0, 60)}`, () => {
    assert.deepEqual(parseImageReference(typed), { registry, repository, tag, digest });
  });
}

const refused: [typed: string, message: string][] = [
  ["", "invalid reference format"],
  ["a b", "invalid reference format"],
  ["a:", "invalid reference format"],
  ["a:.t", "invalid reference format"],
  [`a:${"t".repeat(129)}`, "invalid reference format"],
  ["/a", "invalid reference format"],
  ["a//b", "invalid reference format"],
  ["a/", "invalid reference format"],
  ["h:5000/", "invalid reference format"],
  ["h:port/a", "invalid reference format"],
  ["-h.io/a", "invalid reference format"],
  ["h.io:/a", "invalid reference format"],
  ["a.io/../b", "invalid reference format"],
  ["a.io/b/..", "invalid reference format"],
  ["a___b", "invalid reference format"],
  ["a._b", "invalid reference format"],
  ["https://h.io/a", "invalid reference format"],
  ["user@h.io/a", "invalid reference format"],
  ["::1/a", "invalid reference format"],
  ["[::1/a", "invalid reference format"],
  ["a\n", "invalid reference format"],
  ["a@sha256:abc", "invalid reference format"],
  [`a@md5:${"0".repeat(32)}`, "unsupported digest algorithm"],
  [`a@sha256:${"A".repeat(64)}`, "invalid checksum digest format"],
  [`a@sha256:${"0".repeat(63)}`, "invalid checksum digest length"],
  ["Alpine", "invalid reference format: repository name (library/Alpine) must be lowercase"],
  ["h.io/me/App:1", "invalid reference format: repository name (me/App) must be lowercase"],
  [zeros, `invalid repository name (${zeros}), cannot specify 64-byte hexadecimal strings`],
  [`h.io/${"r".repeat(256)}`, "repository name must not be more than 255 characters"],
  ["a".repeat(10_000), "invalid reference format"],
];

for (const [typed, message] of refused) {
  test(`refuses ${JSON.stringify(typed.slice(0, 40))} in docker's words`, () => {
    assert.throws(
      () => parseImageReference(typed),
      (error) => hasCode(error, "REFERENCE_INVALID") && error.message === message,
    );
  });
}

test("writes complete and familiar names", () => {
  const reference = parseImageReference("alpine:3");
  assert.equal(gunOf(reference), "docker.io/library/alpine");
  assert.equal(formatReference(reference), "docker.io/library/alpine:3");
  assert.equal(familiarReference(reference), "alpine:3");
  assert.equal(familiarName(parseImageReference("docker.io/me/app")), "me/app");
  assert.equal(familiarName(parseImageReference("h:5000/library/app")), "h:5000/library/app");
});

test("keeps the long form where the short one would name another repository", () => {
  for (const name of ["docker.io/localhost/app", "docker.io/a.b/c", `docker.io/library/${zeros}`]) {
    const parsed = parseImageReference(name);
    assert.equal(gunOf(parseImageReference(familiarName(parsed))), gunOf(parsed));
  }
});

test("adds latest only where nothing was chosen", () => {
  assert.equal(withDefaultTag(parseImageReference("a")).tag, "latest");
  assert.equal(withDefaultTag(parseImageReference("a:1")).tag, "1");
  assert.equal(withDefaultTag(parseImageReference(`a@sha256:${zeros}`)).tag, undefined);
});

test("digests keep their parts and refuse everything else", () => {
  const digest = digestFromHex("sha512", zeros + zeros);
  assert.equal(digestAlgorithm(digest), "sha512");
  assert.equal(digestHex(digest), zeros + zeros);
  assert.ok(!isDigest(`sha256:${zeros}\n`));
  assert.throws(
    () => parseDigest("sha256:"),
    (error) => hasCode(error, "REFERENCE_INVALID"),
  );
});

const alnum = fc.string({
  unit: fc.constantFrom(...Array.from("abc019")),
  minLength: 1,
  maxLength: 5,
});
const component = fc
  .tuple(alnum, fc.array(fc.tuple(fc.constantFrom(".", "_", "__", "-", "--"), alnum), { maxLength: 2 }))
  .map(([first, rest]) => first + rest.map(([separator, part]) => separator + part).join(""));
const host = fc.oneof(
  fc.constantFrom("localhost", "127.0.0.1", "[::1]", "reg.example.com", "A-b.C"),
  alnum.map((name) => `${name}.io`),
);
const registry = fc
  .tuple(host, fc.option(fc.integer({ min: 1, max: 65535 }), { nil: undefined }))
  .map(([name, port]) => (port === undefined ? name : `${name}:${port}`));
const references: fc.Arbitrary<ImageReference> = fc.record(
  {
    registry: fc.oneof(registry, fc.constant("docker.io")),
    repository: fc.array(component, { minLength: 2, maxLength: 4 }).map((parts) => parts.join("/")),
    tag: fc.option(fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/), { nil: undefined }),
    digest: fc.option(
      fc
        .uint8Array({ minLength: 32, maxLength: 32 })
        .map((bytes) => digestFromHex("sha256", Buffer.from(bytes).toString("hex"))),
      { nil: undefined },
    ),
  },
  { noNullPrototype: true },
);

test("every reference survives being written and read, in both spellings", () => {
  fc.assert(
    fc.property(references, (reference) => {
      assert.deepEqual(parseImageReference(formatReference(reference)), reference);
      assert.deepEqual(parseImageReference(familiarReference(reference)), reference);
    }),
    { numRuns: runs },
  );
});

test("fuzz: I1: any text is a safe reference or REFERENCE_INVALID, and quickly", () => {
  const unit = fc.oneof(
    fc.constantFrom(...Array.from("aZ09._-:/@[]%\\ \n\u0000\u202e")),
    fc.string({ unit: "binary", maxLength: 1 }),
  );
  fc.assert(
    fc.property(fc.string({ unit, maxLength: 60 }), (text) => {
      let reference: ImageReference;
      try {
        reference = parseImageReference(text);
      } catch (error) {
        assert.ok(hasCode(error, "REFERENCE_INVALID"), String(error));
        assert.doesNotMatch(error.hint ?? "", /[\p{Cc}\p{Cf}]/u);
        return;
      }
      assert.doesNotMatch(gunOf(reference), /\.\.|\\|\s|^\/|\/\//);
      assert.deepEqual(parseImageReference(formatReference(reference)), reference);
    }),
    { numRuns: runs * 4 },
  );
});
