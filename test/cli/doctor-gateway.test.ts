/** `tagseal doctor --gateway`: what counts as a refusal, and which files let containerd go on after it. Engines are in test/peers/gateway-*. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { after, before, describe, it } from "node:test";
import { captured } from "../../src/cli/captured-io.ts";
import type { Finding } from "../../src/cli/doctor/finding.ts";
import { main } from "../../src/cli/main.ts";
import { Scope } from "../support/processes.ts";

describe("a gateway that doctor examines", () => {
  const scope = new Scope("doctor-gateway");
  let server: Server;
  let origin: string;
  let refusal: object;
  let engines = 0;

  before(async () => {
    server = createServer((_request, response) => response.writeHead(403).end(JSON.stringify(refusal)));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    assert.ok(address !== null && typeof address === "object");
    origin = `http://127.0.0.1:${address.port}`;
  });
  after(async () => {
    server.close();
    await scope.close();
  });

  const denied = (message: string): object => ({
    errors: [{ code: "DENIED", message, detail: { reason: "REPOSITORY_NOT_SIGNED" } }],
  });

  /** A program of this name that fails with these words. */
  function engineThatSays(program: string, words: string): string {
    const directory = scope.path(`engine-${(engines += 1)}`);
    mkdirSync(directory);
    writeFileSync(`${directory}/words`, words);
    writeFileSync(`${directory}/${program}`, `#!/bin/sh\n/bin/cat ${directory}/words >&2\nexit 1\n`, { mode: 0o755 });
    return directory;
  }

  async function levels(path: string, ...words: readonly string[]): Promise<readonly string[]> {
    const { io, stdout } = captured({ env: { HOME: scope.directory, PATH: path }, now: () => new Date() });
    await main(["doctor", "--gateway", origin, "--json", ...words], io);
    return (JSON.parse(stdout()) as { findings: Finding[] }).findings.map(({ level }) => level);
  }

  it("refuses, and the engine shows its words", async () => {
    refusal = denied('No valid trust data for "it"');
    const podman = engineThatSays("podman", 'Error: denied: No valid trust data for "it"\n');
    assert.deepEqual(await levels(podman, "--engine", "podman"), ["ok", "ok"]);
    const other = engineThatSays("podman", "Error: name unknown\n");
    assert.deepEqual(await levels(other, "--engine", "podman"), ["ok", "problem"]);
  });

  it("I9: is not known by a refusal without words, which any engine would seem to show", async () => {
    const podman = engineThatSays("podman", "Error: name unknown\n");
    for (const silent of [denied(""), { errors: [{ code: "DENIED" }] }, { errors: "DENIED" }, ["DENIED"]]) {
      refusal = silent;
      assert.ok((await levels(podman, "--engine", "podman")).includes("problem"), JSON.stringify(silent));
    }
  });

  it("I9: is passed by where a file of hosts names another place, however it is written", async () => {
    refusal = denied("No valid trust data");
    const ctr = engineThatSays("ctr", "ctr: No valid trust data\n");
    const server = `server = "${origin}"\n`;
    const ours = `[host."${origin}"]\n  capabilities = ["pull", "resolve"]\n`;
    const found = async (text: string): Promise<readonly string[]> => {
      const directory = scope.path(`hosts-${(engines += 1)}`);
      mkdirSync(`${directory}/docker.io`, { recursive: true });
      writeFileSync(`${directory}/docker.io/hosts.toml`, text);
      return await levels(ctr, "--engine", "containerd", "--hosts-dir", directory);
    };
    assert.deepEqual(await found(server + ours), ["ok", "ok"]);
    const evil = "https://registry-1.docker.io";
    for (const text of [
      ours,
      `server = "${evil}"\n${ours}`,
      `${server}${ours}[host."${evil}"]\n`,
      `${server}${ours}[ host . "${evil}" ]\n`,
      `${server}host."${origin}" = {}\nhost."${evil}" = {}\n`,
      `${server}host = { "${origin}" = {}, "${evil}" = {} }\n`,
      `"server" = "${evil}"\n# server = "${origin}"\n${ours}`,
      `${server}${ours}= nothing`,
    ])
      assert.deepEqual(await found(text), ["ok", "problem"], text);
  });
});
