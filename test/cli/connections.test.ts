/** How many connections a command opens: one to each server, however many repositories it works on. */
import assert from "node:assert/strict";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { Socket } from "node:net";
import { before, describe, it } from "node:test";
import { CliSandbox } from "./cli-sandbox.ts";

describe("the connections of one command", () => {
  const stage = CliSandbox.forSuite("connections");
  const names = ["team/one", "team/two", "team/three"];
  let images: readonly string[];

  /** Runs a command; the connections that it opened, by the port of the server. */
  async function connectionsOf(argv: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const found = new Map<number | undefined, number>();
    const count = (message: unknown): void => {
      const { localPort } = (message as { readonly socket: Socket }).socket;
      found.set(localPort, (found.get(localPort) ?? 0) + 1);
    };
    subscribe("net.server.socket", count);
    try {
      await stage.ok(argv);
    } finally {
      unsubscribe("net.server.socket", count);
    }
    const nameOf = (port: number | undefined): string =>
      port === Number(new URL(stage.sandbox.serverUrl).port) ? "trust server" : "registry";
    return new Map([...found].map(([port, many]) => [nameOf(port), many]));
  }

  before(async () => {
    images = names.map((name) => `${stage.repository(name)}:v1`);
    await stage.publish(await stage.image("1"), ...images);
  });

  it("are one to the trust server for all repositories that are inspected", async () => {
    assert.deepEqual(await connectionsOf(["trust", "inspect", ...images]), new Map([["trust server", 1]]));
  });

  it("are shared by all that are signed: one to the trust server, and to the registry fewer than one command each would open", async () => {
    const command = ["sign", "-q", "--from-registry"];
    const one = (await connectionsOf([...command, images[0] ?? ""])).get("registry") ?? 0;
    const opened = await connectionsOf([...command, ...images]);
    assert.equal(opened.get("trust server"), 1);
    assert.ok((opened.get("registry") ?? 0) < one * images.length, `${opened.get("registry")} against ${one} for one`);
  });
});
