import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { temporaryDirectory } from "../../test/support/temporary-directory.ts";
import { PrivateKey } from "../crypto/private-key.ts";
import { createRootCertificate } from "../crypto/root-certificate.ts";
import { hasCode } from "../errors.ts";
import { loadTrustPinning } from "./pinning-file.ts";

const directory = temporaryDirectory();
const id = "ab".repeat(32);
let certificate: string;

/** A file with these pins, or with this text. */
function written(pins: unknown): string {
  const path = join(directory, "config.json");
  writeFileSync(path, typeof pins === "string" ? pins : JSON.stringify({ trust_pinning: pins }));
  return path;
}

async function refusal(pins: unknown): Promise<string> {
  try {
    await loadTrustPinning(written(pins));
  } catch (error) {
    assert.ok(hasCode(error, "PINNING_INVALID", "FILE_UNREADABLE"), String(error));
    return `${error.message} [${error.code}]`;
  }
  throw new assert.AssertionError({ message: `${JSON.stringify(pins)} was taken` });
}

describe("a file with pins", () => {
  before(async () => {
    const key = PrivateKey.generate("ecdsa");
    certificate = await createRootCertificate(key, "authority", new Date());
    mkdirSync(join(directory, "roots"));
    writeFileSync(join(directory, "roots", "ca.crt"), certificate);
    writeFileSync(join(directory, "roots", "empty.crt"), "");
    writeFileSync(
      join(directory, "roots", "broken.crt"),
      "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    );
  });

  it("may be the notary client's own: only its pins count, and authorities lie beside it", async () => {
    const pins = {
      certs: { "docker.io/library/alpine": [id], "registry.example.com/team/*": [id], "docker.io/me/gone": [] },
      ca: { "registry.example.com": "roots/ca.crt", "": join(directory, "roots", "ca.crt") },
      disable_tofu: true,
    };
    const path = written(JSON.stringify({ trust_dir: "~/.notary", remote_server: { url: "x" }, trust_pinning: pins }));
    assert.deepEqual(await loadTrustPinning(path), {
      certs: new Map(Object.entries(pins.certs)),
      ca: new Map([
        ["registry.example.com", certificate],
        ["", certificate],
      ]),
      disableTofu: true,
    });
  });

  it("may leave everything to first use", async () => {
    assert.deepEqual(await loadTrustPinning(written({})), { certs: new Map(), ca: new Map(), disableTofu: false });
  });

  it("must be there and be readable", async () => {
    await assert.rejects(loadTrustPinning(join(directory, "absent.json")), { code: "FILE_UNREADABLE" });
    assert.match(await refusal("{oops"), /is not JSON.*\[FILE_UNREADABLE\]/);
    assert.match(await refusal(""), /no member "trust_pinning".*\[PINNING_INVALID\]/);
    assert.match(await refusal('{"remote_server": {}}'), /no member "trust_pinning"/);
  });

  it("I9: is refused when a pin could not count as it is written", async () => {
    const certs = (value: unknown): unknown => ({ certs: { "docker.io/library/alpine": value } });
    for (const [pins, reason] of [
      ["[]", /is not a JSON object/],
      [[], /trust_pinning is not an object/],
      [{ disable_tofo: true }, /unknown member "disable_tofo"/],
      [{ disable_tofu: "true" }, /neither true nor false/],
      [{ certs: [id] }, /invalid format for trust_pinning\.certs/],
      [certs(id), /invalid format for trust_pinning\.certs/],
      [certs([id.toUpperCase()]), /is not a certificate ID/],
      [certs([id.slice(1)]), /is not a certificate ID/],
      [certs([1]), /is not a certificate ID/],
      [{ certs: { alpine: [id] } }, /names "alpine", which no repository is called; write docker\.io\/library\/alpine/],
      [
        { certs: { "docker.io/library/alpine:3": [id] } },
        /write docker\.io\/library\/alpine$|write docker\.io\/library\/alpine /,
      ],
      [{ certs: { "docker.io/*/alpine": [id] } }, /which no repository is called/],
      [{ ca: { "docker.io": 1 } }, /is not the path of a file/],
      [{ ca: { "docker.io": "roots/none.crt" } }, /could not load root cert from CA path .*\[FILE_UNREADABLE\]/],
      [{ ca: { "docker.io": "roots" } }, /is not a file \[FILE_UNREADABLE\]/],
      [{ ca: { "docker.io": "roots/empty.crt" } }, /invalid CA certs provided/],
      [{ ca: { "docker.io": "roots/broken.crt" } }, /invalid CA certs provided/],
    ] as const)
      assert.match(await refusal(pins), reason, JSON.stringify(pins));
  });
});
