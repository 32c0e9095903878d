import assert from "node:assert/strict";
import { it } from "node:test";
import { HttpClients } from "./http-clients.ts";

const one = { key: "one", proxyEnv: {} };
const other = { key: "other", proxyEnv: {} };

it("one peer has one client, whose rules are asked for once; another has another", async () => {
  const clients = new HttpClients();
  let asked = 0;
  const rules = async (): Promise<object> => ({ asked: (asked += 1) });
  const [first, again] = await Promise.all([clients.for(one, rules), clients.for(one, rules)]);
  assert.equal(first, again);
  assert.notEqual(await clients.for(other, rules), first);
  assert.equal(asked, 2);
  clients.close();
  assert.notEqual(await clients.for(one, rules), first);
});

it("rules that could not be found out are asked for again", async () => {
  const clients = new HttpClients();
  await assert.rejects(
    clients.for(one, () => Promise.reject(new Error("no certificate"))),
    /no certificate/,
  );
  assert.ok(await clients.for(one, async () => ({})));
  clients.close();
});

it("one peer by another proxy has another client", async () => {
  const clients = new HttpClients();
  const rules = async (): Promise<object> => ({});
  const direct = await clients.for(one, rules);
  assert.equal(await clients.for({ key: "one", proxyEnv: { PATH: "/bin" } }, rules), direct);
  for (const name of ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "NO_PROXY"])
    assert.notEqual(
      await clients.for({ key: "one", proxyEnv: { [name]: "http://proxy.example:3128" } }, rules),
      direct,
      name,
    );
  clients.close();
});
