import { equal } from "node:assert/strict";
import { test } from "node:test";
import { type ErrorCode, TagsealError } from "../errors.ts";
import { inDockerWords } from "./docker-words.ts";

const gun = "localhost:5000/team/app";

function words(code: ErrorCode, message: string): string {
  return inDockerWords(new TagsealError(code, message), gun);
}

test("failures open as docker's do", () => {
  equal(
    words("METADATA_EXPIRED", "targets expired at Mon Nov 23 04:16:22 UTC 2026"),
    `Error: remote repository ${gun} out-of-date: targets expired at Mon Nov 23 04:16:22 UTC 2026`,
  );
  equal(words("NETWORK_UNREACHABLE", "refused"), "Error: error contacting notary server: refused");
  equal(
    words("METADATA_MISSING", "x"),
    `Error: trust data missing for remote repository ${gun} or remote repository not found: x`,
  );
  equal(words("REPOSITORY_NOT_SIGNED", "x"), `Error: remote trust data does not exist for ${gun}: x`);
  equal(
    words("METADATA_VERSION_ROLLBACK", "x"),
    `Warning: potential malicious behavior - trust data version is lower than expected for remote repository ${gun}: x`,
  );
  equal(
    words("METADATA_THRESHOLD_NOT_MET", "x"),
    `Warning: potential malicious behavior - trust data has insufficient signatures for remote repository ${gun}: x`,
  );
});

test("a root that does not follow from the trusted one is called potential malicious behaviour, as docker means to", () => {
  equal(
    words("ROOT_ROTATION_REFUSED", "x"),
    `Warning: potential malicious behavior - trust data mismatch for remote repository ${gun}: x`,
  );
});

test("a wrong passphrase is not called a missing key", () => {
  equal(words("PASSPHRASE_WRONG", "wrong passphrase for root key 1234567"), "wrong passphrase for root key 1234567");
});

test("a failure that docker has no words for is printed as it is", () => {
  equal(words("TAG_NOT_SIGNED", "No valid trust data for v1"), "No valid trust data for v1");
  equal(inDockerWords(new RangeError("a mistake of ours"), gun), "a mistake of ours");
  equal(inDockerWords("thrown text", gun), "thrown text");
});
