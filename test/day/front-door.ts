/**
 * A load balancer that passes TCP through, as an operator has one in front of replicas: it asks each whether it is ready, sends nobody to
 * one that is not, and keeps a client at one server.
 */
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { setTimeout as after } from "node:timers/promises";
import { ask } from "../support/https-request.ts";
import { type Scope, waitUntil } from "../support/processes.ts";

/** A load balancer that is open, or closed for all clients. */
export interface FrontDoor {
  readonly port: number;
  /** Accepts no new connections, and resolves once the open ones have ended: an update that was begun is finished. */
  close(): Promise<void>;
  open(): void;
}

const checkEveryMs = 500;
/** as probes of Kubernetes and load balancers have it: a second for an answer, and three failures in a row until a server is left out */
const patienceMs = 1000;
const failuresUntilUnready = 3;

/** Opens a front door to replicas on these ports of this machine. */
export async function openFrontDoor(scope: Scope, ports: readonly number[], ca: string): Promise<FrontDoor> {
  const ready = new Set<number>();
  const failures = new Map<number, number>();
  const clients = new Set<Socket>();
  let isOpen = true;
  const check = async (port: number): Promise<void> => {
    const failed = (await isReady(port, ca)) ? 0 : (failures.get(port) ?? 0) + 1;
    failures.set(port, failed);
    if (failed === 0) ready.add(port);
    else if (failed >= failuresUntilUnready) ready.delete(port);
  };
  const timers = ports.map((port) => setInterval(() => void check(port), checkEveryMs));
  const server = createServer((client) => {
    clients.add(client);
    client.on("error", () => client.destroy()).on("close", () => clients.delete(client));
    if (isOpen) connectThrough(client, new Set(ready), ports);
    else client.destroy();
  });
  const hangUp = (): void => clients.forEach((client) => client.destroy());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  scope.defer(() => {
    timers.forEach((timer) => clearInterval(timer));
    hangUp();
    server.close();
  });
  await Promise.all(ports.map(check));
  return {
    port: (server.address() as AddressInfo).port, // it listens on TCP
    close: async () => {
      isOpen = false;
      await waitUntil("the last client has left", () => clients.size === 0);
    },
    open: () => (isOpen = true),
  };
}

/**
 * All clients here have one address, so all of them are kept at one server for as long as it is ready. One that does not take a connection although
 * it was ready a moment ago is passed over, as balancers do.
 */
function connectThrough(client: Socket, ready: Set<number>, ports: readonly number[]): void {
  const port = ports.find((one) => ready.delete(one));
  if (port === undefined) return void client.destroy();
  const target = connect({ port, host: "127.0.0.1" });
  let isConnected = false;
  target.once("connect", () => {
    isConnected = true;
    join(client, target);
  });
  target.once("error", () => {
    if (!isConnected) connectThrough(client, ready, ports);
  });
  client.once("close", () => target.destroy());
  return undefined;
}

function join(client: Socket, target: Socket): void {
  target.on("error", () => client.destroy()).on("close", () => client.destroy());
  client.pipe(target).pipe(client);
}

async function isReady(port: number, ca: string): Promise<boolean> {
  const asked = ask(ca, "GET", `https://localhost:${port}/_tagseal/ready`).then(({ status }) => status === 200);
  return await Promise.race([asked, after(patienceMs, false, { ref: false })]);
}
