import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SignerMetrics } from "./signer-metrics.ts";

describe("a signer's numbers", () => {
  it("are served without those of a database that does not answer, which is queried once for all scrapes", async () => {
    let asked = 0;
    const hanging = (): Promise<number> => {
      asked += 1;
      return new Promise(() => {});
    };
    const table = { count: hanging, assignments: { countPending: async () => 3 } } as unknown as ConstructorParameters<
      typeof SignerMetrics
    >[0];
    const metrics = new SignerMetrics(table, 5);
    for (const page of await Promise.all([metrics.toText(), metrics.toText()])) {
      assert.match(page, /^tagseal_signer_keys NaN$/mu);
      assert.match(page, /^process_resident_memory_bytes \d+$/mu);
    }
    assert.equal(asked, 1);
  });
});
