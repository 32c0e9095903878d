import type { HttpClient, HttpClientOptions } from "./http-client.ts";

/**
 * The HTTP clients of one command or one program: one for each peer, so that work on many repositories of one server shares its connections
 * and reads its certificates once. Rules of one peer never hold for another. Close it when done.
 */
export class HttpClients {
  readonly #clients = new Map<string, Promise<HttpClient>>();

  /**
   * The client for a peer.
   *
   * @param peer the server and everything that decides how to reach it: the same text means the same options
   * @param options the rules; asked for the first time only, and again after they could not be found out
   * @throws what `options` throws
   */
  async for(peer: string, options: () => Promise<HttpClientOptions>): Promise<HttpClient> {
    const known = this.#clients.get(peer);
    if (known !== undefined) return await known;
    const made = this.#make(options);
    this.#clients.set(peer, made);
    try {
      return await made;
    } catch (error) {
      this.#clients.delete(peer);
      throw error;
    }
  }

  async #make(options: () => Promise<HttpClientOptions>): Promise<HttpClient> {
    // a command that connects nowhere does not load it
    const { HttpClient: Client } = await import("./http-client.ts");
    return new Client(await options());
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
