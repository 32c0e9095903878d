/** Stories that are the same on Notary's server and on ours. */
import { after, before, describe } from "node:test";
import {
  client,
  type Client,
  missingPeers,
  type NotaryOptions,
  type Peer,
  Scope,
  startNotary,
  startTagsealServer,
  type TrustServer,
} from "../support/peers.ts";

/** A server, and those who use it. */
export interface ServerStory {
  readonly scope: Scope;
  readonly isNotarys: boolean;
  /** Started before the first test. */
  readonly server: () => TrustServer;
  readonly user: (name: string) => Client;
}

/** What a suite needs. */
export interface EachServerOptions {
  /** of its scopes */
  readonly name: string;
  readonly peers: readonly Peer[];
  /** of Notary's server; in memory when absent */
  readonly notary?: NotaryOptions;
}

/** Runs the stories with each of the servers. */
export function onEachServer(title: string, options: EachServerOptions, stories: (story: ServerStory) => void): void {
  const { name: scopeName, peers, notary = { store: "memory" } } = options;
  for (const isNotarys of [true, false]) {
    describe(`${title}, on ${isNotarys ? "notary-server" : "our server"}`, { skip: missingPeers(peers) }, () => {
      const scope = new Scope(scopeName);
      let server: TrustServer;
      before(async () => {
        server = isNotarys ? await startNotary(scope, notary) : await startTagsealServer(scope);
      });
      after(async () => await scope.close());
      stories({ scope, isNotarys, server: () => server, user: (name) => client(scope, { server, name }) });
    });
  }
}
