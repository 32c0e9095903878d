/** A trust server in the test's own process, on a directory that goes when the test ends. */

import type { TestContext } from "node:test";
import type { ServerOptions } from "../../src/server/run/server-options.ts";
import { startServer, type RunningServer } from "../../src/server/run/start-server.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

export { temporaryDirectory };

/** What runs, and what it logged. */
export interface TestServer extends RunningServer {
  readonly dataDir: string;
  readonly lines: { readonly event: string; readonly [field: string]: unknown }[];
}

/** Starts a server on a free loopback port. Give `dataDir` to start again on the same data. */
export async function serve(t: TestContext, options: Partial<ServerOptions> = {}): Promise<TestServer> {
  let server: RunningServer | undefined;
  // Before the directory goes: a server that still writes there keeps it from going, and is then never closed.
  t.after(() => server?.close());
  const dataDir = options.dataDir ?? temporaryDirectory(t);
  const lines: TestServer["lines"] = [];
  const log = (line: string): void => void lines.push(JSON.parse(line) as TestServer["lines"][number]);
  server = await startServer({ host: "127.0.0.1", port: 0, log, ...options, dataDir });
  return { ...server, dataDir, lines };
}
