import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { UsageError } from "../../src/errors.ts";
import type { GatewayOptions } from "../../src/gateway/gateway-options.ts";
import { RegistryClient } from "../../src/registry/registry-client.ts";
import { requireWritable } from "../../src/files/writable-directory.ts";
import { gatewayStory, policyOf } from "../support/gateway-story.ts";

const story = gatewayStory();

async function page(url: string, path: string): Promise<{ status: number; text: string }> {
  const answer = await fetch(`${url}${path}`);
  return { status: answer.status, text: await answer.text() };
}

/** The values on a page of metrics, by name and labels. */
function numbers(text: string): ReadonlyMap<string, number> {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.split(" ").at(-1))]));
}

describe("an operator of a gateway", () => {
  it("counts verdicts by reason, requests by kind, updates, and what registries were asked", async () => {
    const image = await story.publish("counted/app", "v1");
    await story.publish("counted/app", "raw", "raw", "unsigned");
    const gateway = await story.gateway({ version: "1.2.3" });
    await gateway.ask("counted/app", "manifests/v1");
    await gateway.ask("counted/app", "manifests/v1");
    await gateway.ask("counted/app", "manifests/raw");
    await gateway.ask("unknown/app", "manifests/v1");
    await gateway.ask("counted/app", `manifests/sha256:${"0".repeat(64)}`);
    const { status, text } = await page(gateway.url, "/metrics");
    assert.equal(status, 200);
    const found = numbers(text);
    const value = (name: string): number | undefined => found.get(`tagseal_gateway_${name}`);
    assert.equal(value('verdicts_total{outcome="allowed",reason="signed"}'), 2);
    assert.equal(value('verdicts_total{outcome="refused",reason="TAG_NOT_SIGNED"}'), 1);
    assert.equal(value('verdicts_total{outcome="refused",reason="REPOSITORY_NOT_SIGNED"}'), 1);
    assert.equal(value('requests_total{kind="manifest",code="200"}'), 2);
    assert.equal(value('requests_total{kind="manifest",code="403"}'), 2);
    assert.equal(value('requests_total{kind="manifest",code="404"}'), 1);
    assert.equal(value('request_duration_seconds_count{kind="manifest"}'), 5);
    assert.ok((value('request_duration_seconds_sum{kind="manifest"}') ?? 0) > 0);
    assert.equal(value("readings_held"), 1);
    assert.ok((value("refreshes_total") ?? 0) >= 2);
    assert.ok((value('refresh_failures_total{reason="REPOSITORY_NOT_SIGNED"}') ?? 0) >= 1);
    const [oldest, newest] = [value("timestamp_age_oldest_seconds"), value("timestamp_age_newest_seconds")];
    assert.ok(oldest !== undefined && newest !== undefined && oldest >= newest && newest >= 0);
    assert.equal(value("upstream_requests_total"), 2);
    assert.equal(value('upstream_failures_total{reason="REGISTRY_NOT_FOUND"}'), 1);
    assert.equal(value('fault{part="policy"}'), 0);
    assert.match(text, /tagseal_gateway_build_info\{version="1\.2\.3",/u);
    assert.match(text, /^process_resident_memory_bytes \d+$/mu);
    assert.equal(text.includes(image.digest) || text.includes("counted"), false, "labels name no image");
  });

  it("I10: is warned once when other machines reach it without a login, or without TLS", async () => {
    const warned = async (options: Partial<GatewayOptions>): Promise<unknown[]> => {
      const { lines } = await story.gateway(options);
      return lines.filter(({ level }) => level === "warning").map(({ event }) => event);
    };
    assert.deepEqual(await warned({}), []);
    assert.deepEqual(await warned({ host: "0.0.0.0" }), ["NOBODY HAS TO LOG IN", "PLAIN HTTP TO OTHER MACHINES"]);
  });

  it("opens a registry again whose certificates or logins could not be read", async () => {
    const image = await story.publish("opened/app", "v1");
    let isBroken = true;
    const gateway = await story.gateway({
      openUpstream: async (name) => {
        await Promise.resolve();
        if (isBroken) throw new UsageError("FILE_UNREADABLE", "ca.crt: permission denied");
        return RegistryClient.forReference(name);
      },
    });
    assert.equal((await gateway.ask("opened/app", "manifests/v1")).status, 503);
    isBroken = false;
    const answer = await gateway.ask("opened/app", "manifests/v1");
    assert.equal(answer.headers.get("docker-content-digest"), image.digest);
  });

  it("is alive and ready; not ready when nothing can be remembered, whatever its registries do", async () => {
    let isWritable = true;
    const check = async (): Promise<void> => {
      if (!isWritable) throw new UsageError("FILE_UNWRITABLE", "/var/lib/x cannot be written: read-only");
    };
    const gateway = await story.gateway({ memory: { kind: "files", check } });
    assert.deepEqual(await page(gateway.url, "/healthz"), { status: 200, text: '{"status":"live"}' });
    assert.deepEqual(await page(gateway.url, "/readyz"), { status: 200, text: '{"status":"ready","reasons":{}}' });
    isWritable = false;
    await new Promise((resolve) => setTimeout(resolve, 1_050));
    const { status, text } = await page(gateway.url, "/readyz");
    assert.equal(status, 503);
    assert.deepEqual(JSON.parse(text), { status: "unready", reasons: { memory: "FILE_UNWRITABLE" } });
    assert.equal((await page(gateway.url, "/healthz")).status, 200);
  });

  it("keeps the old policy when the new one cannot be read, and shows that until it can", async () => {
    await story.publish("policy/app", "v1");
    const gateway = await story.gateway({ rules: { [story.registry.host]: { firstUse: true } } });
    const broken = async () => Promise.reject(new UsageError("POLICY_INVALID", "policy.json:3:1: misspelt"));
    await assert.rejects(gateway.reload(broken), /misspelt/u);
    assert.equal((await gateway.ask("policy/app", "manifests/v1")).status, 200);
    const { status, text } = await page(gateway.url, "/readyz");
    assert.equal(status, 200);
    assert.match(text, /"degraded".*"policy":"POLICY_INVALID: the policy cannot be read/u);
    assert.doesNotMatch(text, /policy\.json/u);
    const metrics = numbers((await page(gateway.url, "/metrics")).text);
    assert.equal(metrics.get('tagseal_gateway_fault{part="policy"}'), 1);
    assert.ok(gateway.lines.some((line) => line["event"] === "fault" && line["level"] === "warning"));
    await gateway.reload(async () => Promise.resolve([policyOf({ "other.example.com": { firstUse: true } })]));
    assert.equal((await page(gateway.url, "/readyz")).text, '{"status":"ready","reasons":{}}');
    assert.equal((await gateway.ask("policy/app", "manifests/v1")).status, 403);
  });
});

describe("the memory of a gateway in files", () => {
  it("is tried with a file that is removed, in a directory that is made; it refuses a path below a file", async () => {
    const directory = mkdtempSync(join(tmpdir(), "gateway-memory-"));
    await requireWritable(join(directory, "a", "b"));
    assert.deepEqual(readdirSync(join(directory, "a", "b")), []);
    await assert.rejects(requireWritable(join(import.meta.filename, "below")), { code: "FILE_UNWRITABLE" });
    rmSync(directory, { recursive: true });
  });
});
