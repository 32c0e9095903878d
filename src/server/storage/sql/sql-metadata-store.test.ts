import { after, before, describe } from "node:test";
import { metadataStoreContract } from "../../../../test/contract/metadata-store.ts";
import { startMariadb, startPostgres, type Database } from "../../../../test/support/database.ts";
import { missingPeers, Scope } from "../../../../test/support/peers.ts";
import { openMetadataStore } from "../open-metadata-store.ts";

const engines = [
  { name: "PostgreSQL", peer: "postgres", start: startPostgres },
  { name: "MariaDB", peer: "mariadb", start: startMariadb },
] as const;

for (const { name, peer, start } of engines) {
  describe(`stores in ${name}`, { skip: missingPeers([peer]) }, () => {
    const scope = new Scope(peer);
    let server: Database;
    let databases = 0;
    before(async () => void (server = await start(scope)));
    after(() => scope.close());

    metadataStoreContract(name, async (t) => {
      const database = `contract${(databases += 1)}`;
      await server.create(database, "select 1");
      const store = await openMetadataStore(server.url(database));
      t.after(() => store.close());
      return store;
    });
  });
}
