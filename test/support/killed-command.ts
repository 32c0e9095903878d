/** kill -9 of a real command at a chosen moment: of its conversation with the trust server, or of what it writes. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { watch } from "node:fs";
import { tagsealCommand } from "./clients.ts";
import type { EvilTrustServer } from "./evil-trust-server.ts";
import type { Environment } from "./processes.ts";

/**
 * `request`: its n-th request has arrived and is not passed on; `answer`: the server has acted on it, and the answer is held; `publishing` and
 * `published`: the same for the one that publishes; `deleting` and `deleted`: for the one that deletes; `reading back`: the n-th request after the
 * publication has arrived; `change`: the n-th in a directory.
 */
export interface Moment {
  readonly kind: "request" | "answer" | "publishing" | "published" | "deleting" | "deleted" | "reading back" | "change";
  /** from 1 on */
  readonly number: number;
}

/** Where a command is killed. */
export interface Killing {
  readonly server: EvilTrustServer;
  readonly env: Environment;
  /** whose changes count */
  readonly directories: readonly string[];
}

/** Runs a command and kills it at the moment. The server is honest again afterwards. @returns false when it ended before the moment came */
export async function killedAt(
  moment: Moment,
  argv: readonly string[],
  { server, env, directories }: Killing,
): Promise<boolean> {
  const child = spawn(tagsealCommand, argv, { env: { ...process.env, ...env }, stdio: "ignore" });
  const ended = once(child, "close");
  const counts = { request: 0, publishing: 0, deleting: 0, reading: 0, change: 0 };
  const kill = async (): Promise<"silence"> => {
    child.kill("SIGKILL");
    await ended;
    return "silence";
  };
  server.tamper = async ({ method }, forward) => {
    const number = (counts.request += 1);
    const publication = method === "POST" ? (counts.publishing += 1) : 0;
    const deletion = method === "DELETE" ? (counts.deleting += 1) : 0;
    const reading = counts.publishing > 0 && publication === 0 ? (counts.reading += 1) : 0;
    const is = (kind: Moment["kind"], count: number): boolean => moment.kind === kind && moment.number === count;
    const isBefore = is("request", number) || is("publishing", publication) || is("deleting", deletion);
    if (isBefore || is("reading back", reading)) return await kill();
    const answer = await forward();
    const isAfter = is("answer", number) || is("published", publication) || is("deleted", deletion);
    return isAfter ? await kill() : answer;
  };
  const watchers = directories.map((directory) =>
    watch(directory, () => {
      counts.change += 1;
      if (moment.kind === "change" && moment.number === counts.change) child.kill("SIGKILL");
    }),
  );
  try {
    await ended;
    const wasKilled = child.signalCode === "SIGKILL";
    assert.equal(wasKilled || child.exitCode === 0, true, `tagseal ${argv.join(" ")}: exit status ${child.exitCode}`);
    return wasKilled;
  } finally {
    for (const watcher of watchers) watcher.close();
    server.tamper = async (_, forward) => await forward();
  }
}
