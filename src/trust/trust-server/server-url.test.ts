import { equal, ok, throws } from "node:assert/strict";
import { test } from "node:test";
import { hasCode } from "../../errors.ts";
import { parseImageReference } from "../../reference/image-reference.ts";
import { trustServerUrl } from "./server-url.ts";

function serverFor(image: string, server?: string, allowPlainHttpLoopback = false): string {
  return trustServerUrl(parseImageReference(image), {
    env: { DOCKER_CONTENT_TRUST_SERVER: server },
    allowPlainHttpLoopback,
  });
}

test("Docker Hub images use Docker's trust server", () => {
  equal(serverFor("alpine"), "https://notary.docker.io");
});

test("other images use their registry's host", () => {
  equal(serverFor("reg.example.com:5000/team/app:1"), "https://reg.example.com:5000");
});

test("the variable wins over every registry, an empty one does not", () => {
  equal(serverFor("alpine", "https://trust.example.com:4443"), "https://trust.example.com:4443");
  equal(serverFor("alpine", ""), "https://notary.docker.io");
});

test("trailing slashes are tolerated and a path is kept", () => {
  equal(serverFor("alpine", "https://trust.example.com/"), "https://trust.example.com");
  equal(serverFor("alpine", "https://trust.example.com/notary//"), "https://trust.example.com/notary");
});

test("plain http is refused in docker's words", () => {
  throws(
    () => serverFor("alpine", "http://localhost:4443"),
    (error) => {
      ok(hasCode(error, "TRUST_SERVER_URL_INVALID"));
      equal(
        error.message,
        "error establishing connection to trust repository: valid https URL required for trust server, got http://localhost:4443",
      );
      return true;
    },
  );
});

test("plain http is accepted to loopback alone, and only when asked for", () => {
  equal(serverFor("alpine", "http://127.0.0.1:4443", true), "http://127.0.0.1:4443");
  throws(() => serverFor("alpine", "http://trust.example.com", true), { code: "TRUST_SERVER_URL_INVALID" });
  throws(() => serverFor("alpine", "http://localhost.example.com", true), { code: "TRUST_SERVER_URL_INVALID" });
});

test("invalid addresses, and those with credentials, query or fragment, are refused", () => {
  for (const text of ["trust.example.com", "ftp://trust.example.com", "https://", "https://t/?x=1", "https://t/#x"]) {
    throws(() => serverFor("alpine", text), { code: "TRUST_SERVER_URL_INVALID" }, text);
  }
});

test("I6: a password in the address is refused without being repeated", () => {
  throws(
    () => serverFor("alpine", "https://alice:hunter22@trust.example.com"),
    (error) => hasCode(error, "TRUST_SERVER_URL_INVALID") && !error.message.includes("hunter22"),
  );
});
