/** A trust server in this process whose answers and clock a test can bend: ours, behind somebody who sees every request. */
import { type Meddling, startMeddler } from "../trust/meddler.ts";
import { type RunningServer, startServer } from "../../src/server/start-server.ts";
import { certificates } from "./certificates.ts";
import type { ReachableTrustServer } from "./clients.ts";
import { readText, type Scope } from "./processes.ts";

/** A running one. */
export interface EvilTrustServer extends ReachableTrustServer {
  /** the server's clock stands this far from the machine's, in milliseconds */
  clockOffsetMs: number;
  /** what happens to requests from now on; honest at first */
  meddle: Meddling;
  /** plain HTTP, past whoever meddles */
  readonly honestUrl: string;
}

/** Starts one; it stops when the scope closes. */
export async function startEvilTrustServer(scope: Scope): Promise<EvilTrustServer> {
  const { ca, serverCertificate, serverKey } = await certificates(scope);
  const clock = { offsetMs: 0 };
  const server: RunningServer = await startServer({
    host: "127.0.0.1",
    port: 0,
    dataDir: scope.path("evil-trust-server"),
    now: () => new Date(Date.now() + clock.offsetMs),
  });
  const meddler = await startMeddler(server.url, { cert: readText(serverCertificate), key: readText(serverKey) });
  scope.defer(async () => {
    meddler.close();
    await server.close();
  });
  const port = Number(new URL(meddler.url).port);
  return {
    url: `https://localhost:${port}`,
    port,
    ca,
    honestUrl: server.url,
    get clockOffsetMs() {
      return clock.offsetMs;
    },
    set clockOffsetMs(offsetMs) {
      clock.offsetMs = offsetMs;
    },
    get meddle() {
      return meddler.meddle;
    },
    set meddle(meddling) {
      meddler.meddle = meddling;
    },
  };
}
