import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { KeyStoreError, MetadataError, NetworkError, TagsealError, UsageError } from "../errors.ts";
import { exitCodeFor } from "./exit-code.ts";
import { parseDuration } from "./options/duration.ts";
import { parseListenAddress } from "./options/listen-address.ts";

describe("the exit status", () => {
  it("distinguishes unsigned, refused and unreachable", () => {
    assert.equal(exitCodeFor(new MetadataError("TAG_NOT_SIGNED", "")), 2);
    assert.equal(exitCodeFor(new MetadataError("REPOSITORY_NOT_SIGNED", "")), 2);
    assert.equal(exitCodeFor(new MetadataError("METADATA_EXPIRED", "")), 3);
    assert.equal(exitCodeFor(new NetworkError("REGISTRY_DIGEST_MISMATCH", "")), 3);
    assert.equal(exitCodeFor(new NetworkError("NETWORK_TIMEOUT", "")), 4);
  });

  it("is 1 for everything else", () => {
    assert.equal(exitCodeFor(new UsageError("USAGE", "")), 1);
    assert.equal(exitCodeFor(new KeyStoreError("PASSPHRASE_WRONG", "")), 1);
    assert.equal(exitCodeFor(new MetadataError("SIGNING_KEY_MISSING", "")), 1);
    assert.equal(exitCodeFor(new TagsealError("INTERNAL", "")), 1);
    assert.equal(exitCodeFor(new TypeError("bug")), 1);
  });
});

describe("lengths of time", () => {
  it("are numbers with units, added up", () => {
    assert.equal(parseDuration("0", "x"), 0);
    assert.equal(parseDuration("90s", "x"), 90_000);
    assert.equal(parseDuration("1d12h", "x"), 36 * 3_600_000);
  });

  it("are refused in any other form", () => {
    for (const text of ["", "1", "-1h", "1.5h", "1h ", "h", "999999999999h"]) {
      assert.throws(() => parseDuration(text, "max-staleness"), { code: "USAGE" }, text);
    }
  });
});

describe("addresses to listen on", () => {
  it("are a host and a port", () => {
    assert.deepEqual(parseListenAddress("127.0.0.1:4443"), { host: "127.0.0.1", port: 4443 });
    assert.deepEqual(parseListenAddress("[::1]:0"), { host: "::1", port: 0 });
    assert.deepEqual(parseListenAddress(":4443"), { host: "0.0.0.0", port: 4443 });
  });

  it("are refused in any other form", () => {
    for (const text of ["", "localhost", "::1:80", "host:65536", "host:x"]) {
      assert.throws(() => parseListenAddress(text), { code: "USAGE" }, text);
    }
  });
});
