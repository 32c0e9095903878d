/** The OCI distribution conformance suite judges the embedded registry. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { startRegistry } from "../../src/sandbox/registry/embedded-registry.ts";
import { findGoPeer } from "../support/go-peers.ts";
import { missingPeers, readText, run, Scope } from "../support/peers.ts";

/** What the suite leaves out unless it is told that a registry claims it. */
const claimed = {
  OCI_API_BLOBS_UPLOAD_CANCEL: "true",
  OCI_API_BLOBS_DIGEST_HEADER: "true",
  OCI_API_MANIFESTS_DIGEST_HEADER: "true",
};

/**
 * What the registry does not claim. The specification leaves it to registries whether they mount a blob without being told its repository, and
 * whether they take a manifest whose parts are missing. Several tags in one request are no part of version 1.1.
 */
const unclaimed = {
  "Blob anonymous mount": "Skip",
  "Manifest put with tag params": "Disabled",
  "Sparse Manifests": "Disabled",
  "Tag Param": "Disabled",
  "Tag Param sha512": "Disabled",
};

/** Each line below `apis:` and `data:` of the suite's results: what was tried, and how it ended. */
function verdicts(results: string): ReadonlyMap<string, string> {
  const parts = results.slice(results.indexOf("\napis:"));
  return new Map(
    [...parts.matchAll(/^ {2}(\S[^:]*): (\w+)$/gmu)].map(([, name = "", verdict = ""]) => [name, verdict]),
  );
}

describe("the embedded registry and the OCI conformance suite", { skip: missingPeers(["conformance"]) }, () => {
  it("passes all of version 1.1 that it claims: pull, push, discovery, management", async () => {
    await using scope = new Scope("conformance");
    const registry = await startRegistry({ directory: scope.path("registry") });
    scope.defer(() => registry.close());
    const env = {
      ...claimed,
      OCI_REGISTRY: registry.host,
      OCI_TLS: "disabled",
      OCI_VERSION: "1.1",
      OCI_RESULTS_DIR: scope.path("results"),
    };
    const { stdout, stderr } = await run(findGoPeer("conformance") ?? "conformance", [], { env, cwd: scope.directory });
    // The exit code is not the verdict: it is 0, too, when no results could be written.
    const found = verdicts(readText(scope.path("results", "results.yaml")));
    const open = Object.fromEntries([...found].filter(([, verdict]) => verdict !== "Pass"));
    assert.deepEqual(open, unclaimed, `${stdout}${stderr}`);
    for (const part of ["Blob push", "Manifest get by tag", "Referrers", "Tag listing", "Tag delete", "Blob delete"]) {
      assert.equal(found.get(part), "Pass", part);
    }
    const [, tests, failures] =
      /<testsuite [^>]*tests="(\d+)" failures="(\d+)"/u.exec(readText(scope.path("results", "junit.xml"))) ?? [];
    assert.equal(failures, "0", stderr);
    assert.ok(Number(tests) > 800, `only ${tests} checks`);
  });
});
