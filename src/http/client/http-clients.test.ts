import assert from "node:assert/strict";
import { it } from "node:test";
import { HttpClients } from "./http-clients.ts";

it("one peer has one client, whose rules are asked for once; another has another", async () => {
  const clients = new HttpClients();
  let asked = 0;
  const rules = async (): Promise<object> => ({ asked: (asked += 1) });
  const [one, again] = await Promise.all([clients.for("one", rules), clients.for("one", rules)]);
  assert.equal(one, again);
  assert.notEqual(await clients.for("other", rules), one);
  assert.equal(asked, 2);
  clients.close();
  assert.notEqual(await clients.for("one", rules), one);
});

it("rules that could not be found out are asked for again", async () => {
  const clients = new HttpClients();
  await assert.rejects(
    clients.for("one", () => Promise.reject(new Error("no certificate"))),
    /no certificate/,
  );
  assert.ok(await clients.for("one", async () => ({})));
  clients.close();
});
