/** A server that is more open than its operator may think says so. */

import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import type { ServerOptions } from "../../src/server/run/server-options.ts";
import { serve } from "./running-server.ts";

async function started(t: TestContext, options: Partial<ServerOptions>) {
  const { lines, url } = await serve(t, options);
  const metrics = await (await fetch(`http://127.0.0.1:${new URL(url).port}/metrics`)).text();
  const gauge = (name: string) => Number(new RegExp(`^tagseal_server_${name} (.*)$`, "mu").exec(metrics)?.[1]);
  const warnings = lines.filter(({ level }) => level === "warning").map(({ event }) => event);
  return { warnings, isOpen: gauge("open"), isPlain: gauge("plain_http") };
}

const everybodyReads = { authorise: async () => ({ allowed: true as const }) } satisfies Partial<ServerOptions>;

describe("a server says at its start, and in its metrics,", () => {
  it("that no login is required, and that it speaks plain HTTP with other machines", async (t) => {
    const { warnings, isOpen, isPlain } = await started(t, { host: "0.0.0.0" });
    assert.deepEqual(warnings, ["NOBODY HAS TO LOG IN", "PLAIN HTTP TO OTHER MACHINES"]);
    assert.deepEqual([isOpen, isPlain], [1, 1]);
  });

  it("that no login is required on this machine", async (t) => {
    const { warnings, isOpen, isPlain } = await started(t, {});
    assert.deepEqual(warnings, ["NOBODY HAS TO LOG IN"]);
    assert.deepEqual([isOpen, isPlain], [1, 0]);
  });

  it("that logins travel in clear", async (t) => {
    const { warnings, isOpen, isPlain } = await started(t, { host: "::", ...everybodyReads });
    assert.deepEqual(warnings, ["PLAIN HTTP TO OTHER MACHINES"]);
    assert.deepEqual([isOpen, isPlain], [0, 1]);
  });

  it("nothing where there is nothing to say", async (t) => {
    const { warnings, isOpen, isPlain } = await started(t, everybodyReads);
    assert.deepEqual(warnings, []);
    assert.deepEqual([isOpen, isPlain], [0, 0]);
  });
});
