/** A trust server in this process whose answers a test can change: Tagseal's, behind a tampering proxy. */
import { type Tampering, startTamperingProxy } from "../trust/tampering-proxy.ts";
import { referenceLifetimes } from "../../src/server/freshness/lifetimes.ts";
import { type RunningServer, startServer } from "../../src/server/run/start-server.ts";
import { MemoryMetadataStore } from "../../src/server/storage/memory-metadata-store.ts";
import { certificates } from "./certificates.ts";
import type { ReachableTrustServer } from "./clients.ts";
import { readText, type Scope } from "./processes.ts";

/** A running one. */
export interface EvilTrustServer extends ReachableTrustServer {
  /** what happens to requests from now on; honest at first */
  tamper: Tampering;
  /** plain HTTP, past the tampering proxy */
  readonly honestUrl: string;
}

/** Starts one; it stops when the scope closes. */
export async function startEvilTrustServer(scope: Scope): Promise<EvilTrustServer> {
  const { ca, serverCertificate, serverKey } = await certificates(scope);
  const server: RunningServer = await startServer({
    host: "127.0.0.1",
    port: 0,
    dataDir: scope.path("evil-trust-server"),
    store: new MemoryMetadataStore(),
    lifetimes: referenceLifetimes,
  });
  const proxy = await startTamperingProxy(server.url, { cert: readText(serverCertificate), key: readText(serverKey) });
  scope.defer(async () => {
    proxy.close();
    await server.close();
  });
  const port = Number(new URL(proxy.url).port);
  return {
    url: `https://localhost:${port}`,
    port,
    ca,
    honestUrl: server.url,
    get tamper() {
      return proxy.tamper;
    },
    set tamper(tampering) {
      proxy.tamper = tampering;
    },
  };
}
