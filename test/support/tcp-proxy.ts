/** A wire between a client and a server on loopback that a test can cut, at a moment of its choosing. */
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import type { TestContext } from "node:test";

/** A wire that is laid. */
export interface TcpProxy {
  readonly port: number;
  /** Lets the next message that contains `text` through to the server, and cuts the wire when the answer comes back. */
  loseAnswerTo(text: string): void;
  /** Cuts every connection, and refuses new ones. */
  cut(): void;
}

/** Lays a wire to a port on 127.0.0.1, which goes with the test. */
export async function startProxy(t: Pick<TestContext, "after">, targetPort: number): Promise<TcpProxy> {
  const pairs = new Set<Socket>();
  let lost: string | undefined;
  let isCut = false;
  const server = createServer((client) => {
    if (isCut) return void client.destroy();
    const target = connect({ port: targetPort, host: "127.0.0.1" });
    let isLosing = false;
    const hangUp = (): void => {
      for (const socket of [client, target]) {
        pairs.delete(socket);
        socket.destroy();
      }
    };
    for (const socket of [client, target]) {
      pairs.add(socket);
      socket.on("error", hangUp).on("close", hangUp);
    }
    client.on("data", (chunk: Buffer) => {
      if (lost !== undefined && chunk.includes(lost)) {
        lost = undefined;
        isLosing = true;
      }
      target.write(chunk);
    });
    target.on("data", (chunk: Buffer) => {
      if (isLosing) hangUp();
      else client.write(chunk);
    });
    return undefined;
  });
  const cutAll = (): void => {
    for (const socket of pairs) socket.destroy();
  };
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    cutAll();
    server.close();
  });
  return {
    port: (server.address() as AddressInfo).port,
    loseAnswerTo: (text) => (lost = text),
    cut: () => {
      isCut = true;
      cutAll();
    },
  };
}
