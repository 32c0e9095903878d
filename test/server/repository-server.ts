/** A server that was started on a repository: it has looked for what expires first, and has a number for it. */
import type { TestContext } from "node:test";
import type { ServerOptions } from "../../src/server/run/server-options.ts";
import { waitUntil } from "../support/processes.ts";
import { serve, temporaryDirectory, type TestServer } from "./running-server.ts";
import { UploadingPublisher } from "./uploading-publisher.ts";

/** Starts it on a data directory that holds the repository `a/first`, and waits until its metrics show when that expires. */
export async function serveRepository(t: TestContext, options: Partial<ServerOptions>): Promise<TestServer> {
  let server: TestServer | undefined;
  t.after(() => server?.close()); // before the directory is removed
  const dataDir = temporaryDirectory(t);
  const first = await serve(t, { dataDir });
  await new UploadingPublisher(first.url, "a/first").begin();
  await first.close();
  const { url } = (server = await serve(t, { ...options, dataDir }));
  await waitUntil("the first expiry is known", async () => {
    const page = await (await fetch(`${url}/metrics`)).text();
    return /^tagseal_server_next_expiry_seconds \d/mu.test(page);
  });
  return server;
}
