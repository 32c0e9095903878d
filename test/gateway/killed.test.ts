import assert from "node:assert/strict";
import { it } from "node:test";
import { pullFromKilledGateway } from "../support/killed-gateway.ts";
import { Scope } from "../support/processes.ts";

it("I5: a gateway that is killed under load never answers with what is not signed, nor with less than before", async () => {
  await using scope = new Scope("killed-gateway");
  const { kills, signed, pulled, unanswered, wrong } = await pullFromKilledGateway(scope, 6, 3);
  assert.deepEqual(wrong, []);
  const told = `${kills} kills, ${signed} signed, ${pulled} pulled, ${unanswered} unanswered`;
  assert.ok(kills >= 2 && pulled >= 3, told);
});
