/** What one turn of a command costs beside time: memory, bytes and connections to the trust server, and instructions where they are counted. */
import { readFileSync } from "node:fs";
import { startCountingProxy, type CountingProxy } from "../support/counting-proxy.ts";
import { client, findExecutable, type Client, type Scope, type TrustServer } from "../support/peers.ts";
import type { RunOptions } from "../support/processes.ts";
import { countsInstructions } from "./machine.ts";
import type { Contender, Cost } from "./measure.ts";

/** A turn, done by a user with these options. */
export type Act = (user: Client, options: RunOptions) => Promise<unknown>;

/** A user, who is timed on the way to the server and weighed on a way that counts. */
export class MeteredUser {
  readonly user: Client;
  readonly #weighed: Client;
  readonly #proxy: CountingProxy | undefined;
  readonly #scope: Scope;

  private constructor(scope: Scope, users: readonly [Client, Client], proxy?: CountingProxy) {
    [this.user, this.#weighed] = users;
    this.#scope = scope;
    this.#proxy = proxy;
  }

  /** @param server without it nothing is counted on the way */
  static async start(scope: Scope, name: string, server?: TrustServer): Promise<MeteredUser> {
    if (server === undefined) {
      const user = client(scope, { name });
      return new MeteredUser(scope, [user, user]);
    }
    const proxy = await startCountingProxy(server.url);
    scope.defer(() => proxy.close());
    const { port } = proxy;
    const door = { url: `https://localhost:${port}`, port, ca: server.ca };
    return new MeteredUser(scope, [client(scope, { server, name }), client(scope, { server: door, name })], proxy);
  }

  /** A contender that does this. */
  contender(name: string, act: Act, prepare?: () => void): Contender {
    return {
      name,
      ...(prepare === undefined ? {} : { prepare }),
      work: async () => await act(this.user, {}),
      cost: async () => await this.#weigh(act),
    };
  }

  async #weigh(act: Act): Promise<Cost> {
    const [memory, counts] = [this.#scope.path("peak"), this.#scope.path("instructions")];
    const hasTime = findExecutable("time") !== undefined;
    const under = [
      ...(hasTime ? ["time", "-f", "%M", "-o", memory] : []),
      ...(countsInstructions ? ["perf", "stat", "-x,", "-e", "instructions:u", "-o", counts] : []),
    ];
    this.#proxy?.reset();
    await act(this.#weighed, { under });
    const { up, down, connections } = this.#proxy?.traffic ?? {};
    return {
      ...(hasTime ? { peakMb: Number(/(\d+)\s*$/u.exec(readFileSync(memory, "utf8"))?.[1]) / 1024 } : {}),
      ...(countsInstructions ? { instructions: Number(/^(\d+),/mu.exec(readFileSync(counts, "utf8"))?.[1]) } : {}),
      ...(up === undefined ? {} : { upBytes: up, downBytes: down ?? 0, connections: connections ?? 0 }),
    };
  }
}
