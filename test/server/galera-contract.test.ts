/** The contracts on a three-node Galera cluster, each call through another node: what one node acknowledged, every other one knows. */

import { after, before, describe, type TestContext } from "node:test";
import { openKeyTable } from "../../src/server/signer/open-key-table.ts";
import { openMetadataStore } from "../../src/server/storage/open-metadata-store.ts";
import { keyTableContract } from "../contract/key-table.ts";
import { metadataStoreContract } from "../contract/metadata-store.ts";
import { galeraUrl, startGalera, type GaleraCluster } from "../support/galera.ts";
import { missingPeers, Scope } from "../support/peers.ts";

/** One object whose every call goes to the next of several. */
function takingTurns<Part extends object>(parts: readonly Part[]): Part {
  let calls = 0;
  return new Proxy({} as Part, {
    get: (_, name) => {
      if (name === "then") return undefined;
      const members = parts.map((part) => part[name as keyof Part]);
      if (typeof members[0] !== "function") return takingTurns(members as readonly object[]);
      return (...args: unknown[]) => {
        const turn = (calls += 1) % parts.length;
        return (members[turn] as (...all: unknown[]) => unknown).apply(parts[turn], args);
      };
    },
  });
}

describe("the contracts on Galera", { skip: missingPeers(["galera"]) }, () => {
  const scope = new Scope("galera");
  let cluster: GaleraCluster;
  let databases = 0;
  before(async () => void (cluster = await startGalera(scope)));
  after(() => scope.close());

  async function onEachNode<Part extends { close(): Promise<void> }>(
    t: TestContext,
    open: (url: string) => Promise<Part>,
  ): Promise<Part> {
    const database = `contract${(databases += 1)}`;
    await cluster.create(database);
    const parts = await Promise.all(cluster.nodes.map((node) => open(galeraUrl([node], database))));
    t.after(() => Promise.all(parts.map((part) => part.close())));
    return takingTurns(parts);
  }

  metadataStoreContract("Galera", (t) => onEachNode(t, openMetadataStore));
  keyTableContract("Galera", (t) => onEachNode(t, openKeyTable));
});
