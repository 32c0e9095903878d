/** Answers before the whole request has come. */
import type { IncomingMessage } from "node:http";

const lingerMs = 5_000;

/** Takes the rest of a request for a while: a client that still sends would not read its answer from a connection that is reset. */
export function linger(request: IncomingMessage): void {
  const timer = setTimeout(() => request.socket.destroy(), lingerMs);
  request.once("close", () => clearTimeout(timer));
  request.resume();
}
