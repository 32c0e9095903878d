import type { Environment } from "../../environment/environment.ts";
import type { HttpClient, HttpClientOptions } from "./http-client.ts";
import { proxyRules } from "./proxy.ts";

/** What decides how to reach one peer. */
export interface Peer {
  /** the server and every rule for it but the proxy: the same text means the same options */
  readonly key: string;
  /** the environment with `HTTP_PROXY`, `HTTPS_PROXY`, `NO_PROXY`: another proxy means another client */
  readonly proxyEnv: Environment;
}

/** The rules of a client, without the proxy, which is the peer's. */
export type PeerRules = Omit<HttpClientOptions, "proxyEnv">;

/**
 * The HTTP clients of one command or one program: one for each peer, so that work on many repositories of one server shares its connections
 * and reads its certificates once. Rules of one peer never hold for another. Close it when done.
 */
export class HttpClients {
  readonly #clients = new Map<string, Promise<HttpClient>>();

  /**
   * The client for a peer.
   *
   * @param rules asked for the first time only, and again after they could not be found out
   * @throws what `rules` throws
   */
  async for({ key, proxyEnv }: Peer, rules: () => Promise<PeerRules>): Promise<HttpClient> {
    const peer = JSON.stringify([key, proxyRules(proxyEnv)]);
    const known = this.#clients.get(peer);
    if (known !== undefined) return await known;
    const made = this.#make(proxyEnv, rules);
    this.#clients.set(peer, made);
    try {
      return await made;
    } catch (error) {
      this.#clients.delete(peer);
      throw error;
    }
  }

  async #make(proxyEnv: Environment, rules: () => Promise<PeerRules>): Promise<HttpClient> {
    // a command that connects nowhere does not load it
    const { HttpClient: Client } = await import("./http-client.ts");
    return new Client({ ...(await rules()), proxyEnv });
  }

  /** Closes all connections, also those in use. */
  close(): void {
    for (const client of this.#clients.values())
      client.then(
        (opened) => opened.close(),
        () => undefined, // never opened
      );
    this.#clients.clear();
  }
}
