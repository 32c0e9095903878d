/** A proxy that passes connections on to a server of this machine, and counts. */
import { connect, createServer, type AddressInfo, type Socket } from "node:net";

/** What went through since {@link CountingProxy.reset}. */
export interface Traffic {
  readonly up: number;
  readonly down: number;
  readonly connections: number;
}

/** A listening proxy; `localhost` or 127.0.0.1 and this port take the place of the server's. */
export interface CountingProxy {
  readonly port: number;
  readonly traffic: Traffic;
  reset(): void;
  close(): void;
}

/** Starts one in front of the server at this address. What is in TLS stays in it. */
export async function startCountingProxy(to: string): Promise<CountingProxy> {
  const counted = { up: 0, down: 0, connections: 0 };
  const { hostname, port } = new URL(to);
  const open = new Set<Socket>();
  const server = createServer((client) => {
    counted.connections += 1;
    const upstream = connect(Number(port), hostname);
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      open.add(socket);
      socket.on("error", () => other.destroy()).on("close", () => open.delete(socket));
    }
    client.on("data", (chunk) => (counted.up += chunk.length));
    upstream.on("data", (chunk) => (counted.down += chunk.length));
    client.pipe(upstream).pipe(client);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    get traffic() {
      return { ...counted };
    },
    reset: () => void Object.assign(counted, { up: 0, down: 0, connections: 0 }),
    close() {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
}
