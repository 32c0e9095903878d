import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseInvocation } from "../../engine/command-line/invocation.ts";
import { DockerEngine } from "../../engine/docker-engine.ts";
import { captured } from "../captured-io.ts";
import { startContainer } from "./container-start.ts";

class WatchedEngine extends DockerEngine {
  calls = 0;

  override prepare(): void {
    this.calls += 1;
  }
}

describe("starting a container", () => {
  it("from a digest asks the engine for nothing before it is handed over", async () => {
    const { io } = captured({ env: { DOCKER_CONFIG: "/nowhere" }, now: () => new Date(), systemPolicy: "/nowhere" });
    const engine = new WatchedEngine({
      kind: "docker",
      executable: "/nowhere/docker",
      globalArgs: [],
      env: {},
      dockerConfigDir: "/nowhere",
      credentials: async () => undefined,
    });
    const line = ["run", "--rm", `registry.example.com/team/app@sha256:${"1".repeat(64)}`];
    const handed: (readonly string[])[] = [];
    const handOver = async (argv: readonly string[]): Promise<number> => handed.push(argv) - 1;
    assert.equal(await startContainer(await parseInvocation(line, "docker"), { io, engine, handOver }), 0);
    assert.deepEqual([handed, engine.calls], [[line], 0]);
  });
});
