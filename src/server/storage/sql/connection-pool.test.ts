import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ConnectionPool } from "./connection-pool.ts";
import type { SqlConnection } from "./sql-engine.ts";

class FakeConnection implements SqlConnection {
  isOpen = true;
  readonly isPrimary = true;
  readonly guard = { begun: [], ending: [] };

  async run(): Promise<never> {
    throw new Error("nobody asks");
  }

  close(): void {
    this.isOpen = false;
  }
}

function pool(size: number, waitMs = 10_000): { pool: ConnectionPool; made: FakeConnection[] } {
  const made: FakeConnection[] = [];
  const connect = async (): Promise<SqlConnection> => {
    const connection = new FakeConnection();
    made.push(connection);
    return connection;
  };
  return { pool: new ConnectionPool({ connect, size, waitMs }), made };
}

describe("a pool of connections", () => {
  it("opens no more than its size, and makes other callers wait their turn", async () => {
    const { pool: lending, made } = pool(2);
    const gates = [0, 1, 2, 3].map(() => Promise.withResolvers<void>());
    const order: number[] = [];
    const work = gates.map(({ promise }, number) =>
      lending.lend(async () => {
        order.push(number);
        await promise;
      }),
    );
    await new Promise(setImmediate);
    assert.deepEqual(order, [0, 1]);
    gates[1]?.resolve();
    await work[1];
    await new Promise(setImmediate);
    assert.deepEqual(order, [0, 1, 2]);
    for (const gate of gates) gate.resolve();
    await Promise.all(work);
    assert.deepEqual(order, [0, 1, 2, 3]);
    assert.equal(made.length, 2);
  });

  it("never lends a connection that broke, used or unused", async () => {
    const { pool: lending, made } = pool(1);
    await lending.lend(async (connection) => connection.close());
    await lending.lend(async (connection) => assert.equal(connection, made[1]));
    made[1]?.close();
    await lending.lend(async (connection) => assert.equal(connection, made[2]));
    lending.closeIdle();
    assert.equal(made[2]?.isOpen, false);
    assert.equal(made.length, 3);
  });

  it("frees a place when the work, or connecting, fails", async () => {
    let attempts = 0;
    const connect = async (): Promise<SqlConnection> => {
      attempts += 1;
      if (attempts === 1) throw new Error("refused");
      return new FakeConnection();
    };
    const lending = new ConnectionPool({ connect, size: 1, waitMs: 10_000 });
    await assert.rejects(
      lending.lend(async () => {}),
      /refused/u,
    );
    await assert.rejects(
      lending.lend(async () => Promise.reject(new Error("no"))),
      /no/u,
    );
    assert.equal(await lending.lend(async () => "done"), "done");
    assert.equal(attempts, 2);
  });

  it("lets no caller wait forever, and serves the next one afterwards", async () => {
    const { pool: lending } = pool(1, 20);
    const gate = Promise.withResolvers<void>();
    const long = lending.lend(() => gate.promise);
    await assert.rejects(
      lending.lend(async () => {}),
      { code: "STORAGE_FAILED", message: /became free/u },
    );
    gate.resolve();
    await long;
    assert.equal(await lending.lend(async () => "next"), "next");
  });

  it("refuses waiting callers when it is closed", async () => {
    const { pool: lending, made } = pool(1);
    const gate = Promise.withResolvers<void>();
    const long = lending.lend(() => gate.promise);
    const waiting = lending.lend(async () => {});
    lending.close();
    await assert.rejects(waiting, { code: "STORAGE_FAILED" });
    await assert.rejects(
      lending.lend(async () => {}),
      { code: "STORAGE_FAILED" },
    );
    gate.resolve();
    await long;
    assert.equal(made[0]?.isOpen, false);
  });
});
