import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { HttpConnections } from "./http-connections.ts";

describe("the connections of a client", () => {
  for (const url of ["https://trust.example:4443/v2/", "http://registry.example:5000/v2/"])
    it(`are shared by first requests that begin at the same time, and closed with the client: ${url}`, async () => {
      const connections = new HttpConnections({ patienceMs: 1000 });
      const routes = [1, 2].map(
        async () => await connections.route(new URL(url), { isAskedOrigin: true, isKept: true }),
      );
      const [first, second] = await Promise.all(routes);
      assert.equal(first?.agent, second?.agent);
      connections.close();
    });
});
