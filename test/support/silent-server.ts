/** A server that accepts connections and says nothing. */

import { once } from "node:events";
import { createServer } from "node:net";

/** A running one. */
export interface SilentServer {
  readonly url: string;
  /** Resolves at the next connection. */
  connection(): Promise<unknown>;
  close(): void;
}

export async function startSilentServer(): Promise<SilentServer> {
  // A client that is killed resets its connection: an error that is not handled would fail the whole file of tests.
  const server = createServer((socket) => socket.on("error", () => undefined));
  await once(server.listen(0, "127.0.0.1"), "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    url: `https://127.0.0.1:${address.port}`,
    connection: async () => await once(server, "connection"),
    close: () => server.close(),
  };
}
