import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { temporaryDirectory } from "../../test/support/temporary-directory.ts";
import { makeCertificate } from "../../test/support/token-maker.ts";
import { watchAuthorities, watchTlsFiles } from "./tls-files.ts";
import { unattended } from "./watching/watched-files.ts";

const directory = temporaryDirectory();

let files = 0;
function file(content: string): string {
  const path = join(directory, `${(files += 1)}`);
  writeFileSync(path, content);
  return path;
}

const parts = { ...unattended(), part: "some_certificate" };
const [authority, other] = [
  await makeCertificate({ name: "authority", isCa: true }),
  await makeCertificate({ name: "other", isCa: true }),
];
const leaf = await makeCertificate({ name: "localhost", issuer: authority });
const key = leaf.key.export({ type: "pkcs8", format: "pem" }) as string;
const cuts = [30, 200, other.pem.length - 10];

describe("a file of authorities", () => {
  it("may hold several, and text between them", async () => {
    const { current } = await watchAuthorities(file(`# ours\n${authority.pem}\n# theirs\n${other.pem}`), parts);
    assert.ok(current.includes("# theirs"));
  });

  for (const cut of cuts) {
    it(`is not used without an authority that is cut off after ${cut} letters`, async () => {
      const opening = watchAuthorities(file(authority.pem + other.pem.slice(0, cut)), parts);
      await assert.rejects(opening, { code: "SERVER_CONFIGURATION", message: /is not a list of certificates/u });
    });
  }

  it("is not used with one that is damaged, or none", async () => {
    const damaged = other.pem.replace(/\n.{20}/u, `\n${"A".repeat(20)}`);
    for (const content of [authority.pem + damaged, "", key, "rubbish"])
      await assert.rejects(watchAuthorities(file(content), parts), { code: "SERVER_CONFIGURATION" });
  });
});

describe("a certificate and its key", () => {
  it("come with the rest of the chain", async () => {
    const { current } = await watchTlsFiles({ certFile: file(leaf.pem + authority.pem), keyFile: file(key) }, parts);
    assert.equal(current.key.toString(), key);
  });

  it("may be one file", async () => {
    const both = file(leaf.pem + key);
    await watchTlsFiles({ certFile: both, keyFile: both }, parts);
  });

  const wrong: Readonly<Record<string, readonly [string, string]>> = {
    "the key of another one": [authority.pem, key],
    "no certificate": [key, key],
    "no key": [leaf.pem, leaf.pem],
    "half a key": [leaf.pem, key.slice(0, 100)],
    "an empty file": ["", key],
    ...Object.fromEntries(
      cuts.map((cut) => [`a chain cut off after ${cut}`, [leaf.pem + other.pem.slice(0, cut), key]]),
    ),
  };
  for (const [what, [certificate, privateKey]] of Object.entries(wrong)) {
    it(`are not used with ${what}`, async () => {
      const opening = watchTlsFiles({ certFile: file(certificate), keyFile: file(privateKey) }, parts);
      await assert.rejects(opening, {
        code: "SERVER_CONFIGURATION",
        message: /not a certificate and its private key/u,
      });
    });
  }
});
