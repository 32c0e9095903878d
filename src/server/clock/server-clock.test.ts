import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { waitUntil } from "../../../test/support/processes.ts";
import { ServerLog } from "../../service/log.ts";
import { ServerClock, type ServerClockParts } from "./server-clock.ts";

const dayMs = 86_400_000;
const yearMs = 365 * dayMs;

/** A machine and optionally a database, with clocks that run and can be set. */
function world(t: TestContext, options: { readonly hasDatabase: boolean; readonly lastChangeAgoMs?: number }) {
  const offset = { own: 0, database: 0 };
  const signed: { at: number | undefined } = { at: undefined };
  const events: string[] = [];
  const right = (): number => Date.UTC(2026, 10, 28) + performance.now();
  const now = (): Date => new Date(right() + offset.own);
  const log = new ServerLog({
    level: "info",
    sink: (line) => void events.push((JSON.parse(line) as { event: string }).event),
    now,
  });
  const { lastChangeAgoMs } = options;
  const last = lastChangeAgoMs === undefined ? undefined : new Date(right() - lastChangeAgoMs);
  const store: ServerClockParts["store"] = {
    changes: async () =>
      last === undefined ? [] : [{ id: 1, createdAt: last, gun: "a/app", version: 1, sha256: "", category: "update" }],
    ...(options.hasDatabase && { time: async () => new Date(right() + offset.database) }),
  };
  const clock = new ServerClock({
    store,
    now,
    log,
    timestampLifetimeMs: dayMs,
    lookEveryMs: 10,
    newestSignedAt: () => signed.at,
  });
  t.after(() => clock.stop());
  const signsAheadBy = (): number => 1000 * Math.round((clock.signingTime().getTime() - right()) / 1000) + 0; // never -0
  return { clock, offset, signed, events, right, signsAheadBy };
}

/** With a database that has agreed once. */
async function agreed(t: TestContext) {
  const found = world(t, { hasDatabase: true });
  found.clock.begin();
  await waitUntil("the clocks were compared", async () => found.clock.mayShorten);
  assert.equal(found.clock.fault, undefined);
  return found;
}

describe("a server's clock beside its database's", () => {
  it("I4: signs by the earlier one while it is the one that was set, and publishes nothing that readers might refuse", async (t) => {
    const { clock, offset, signsAheadBy } = await agreed(t);
    for (const [own, expected] of [
      [yearMs, 0],
      [-10 * dayMs, -10 * dayMs],
    ] as const) {
      offset.own = own;
      assert.match(clock.fault?.reason ?? "", /^this server's clock says \S+, but its database's says \S+: \d+ s/u);
      assert.equal(Math.round(clock.skewSeconds), own / 1000);
      assert.equal(signsAheadBy(), expected);
      assert.equal(clock.mayShorten, false);
      assert.equal(clock.isCertain, false);
      assert.throws(() => clock.requireAgreement(), { code: "SERVER_CLOCK_WRONG" });
    }
    offset.own = 0;
    assert.equal(clock.fault, undefined);
    clock.requireAgreement();
  });

  it("continues as before when the database's clock was set, and reports it", async (t) => {
    const { clock, offset, signsAheadBy } = await agreed(t);
    for (const database of [yearMs, -10 * dayMs]) {
      offset.database = database;
      await waitUntil("the fault shows", async () => Math.round(clock.skewSeconds) === -database / 1000);
      assert.notEqual(clock.fault, undefined);
      assert.equal(signsAheadBy(), 0);
      assert.equal(clock.mayShorten, true);
      assert.equal(clock.isCertain, false, "but forgets nothing");
      clock.requireAgreement();
    }
  });

  it("signs by the earlier one when the two never agreed", async (t) => {
    const { clock, offset, signsAheadBy } = world(t, { hasDatabase: true });
    offset.database = -10 * dayMs;
    clock.begin();
    assert.equal(clock.mayShorten, false, "nothing is known yet");
    await waitUntil("the fault shows", async () => clock.fault !== undefined);
    assert.equal(signsAheadBy(), -10 * dayMs);
    assert.throws(() => clock.requireAgreement(), { code: "SERVER_CLOCK_WRONG" });
  });

  it("warns of a small difference, and signs as before", async (t) => {
    const { clock, offset, signsAheadBy } = await agreed(t);
    offset.own = 20_000;
    assert.equal(clock.fault?.level, "warning");
    assert.equal(signsAheadBy(), 20_000);
    clock.requireAgreement();
    offset.own = 3000;
    assert.equal(clock.fault, undefined);
  });
});

describe("a server's only clock", () => {
  it("contradicts what was signed in the future", (t) => {
    const { clock, signed, right } = world(t, { hasDatabase: false });
    signed.at = right() + 10 * dayMs;
    assert.match(
      clock.fault?.reason ?? "",
      /but a timestamp was signed at \S+: the clock is behind, or was ahead then$/u,
    );
    assert.equal(Math.round(clock.skewSeconds), (-10 * dayMs) / 1000);
    clock.begin();
    assert.equal(clock.mayShorten, false, "it may just not have been set yet");
    signed.at = right() - 1000;
    assert.equal(clock.fault, undefined);
    assert.equal(clock.mayShorten, true);
  });

  it("is not believed at once when it is set back, unless it returns to where it was", (t) => {
    const { clock, offset, events } = world(t, { hasDatabase: false });
    clock.begin();
    offset.own = yearMs;
    assert.equal(clock.mayShorten, true);
    offset.own = 0;
    assert.equal(clock.mayShorten, true);
    offset.own = -10 * dayMs;
    assert.equal(clock.mayShorten, false);
    assert.equal(events.filter((event) => event === "the clock was set").length, 3);
  });

  it("forgets nothing for a day when nothing was signed for long before", async (t) => {
    for (const [lastChangeAgoMs, isCertain] of [
      [3 * dayMs, false],
      [dayMs / 2, true],
    ] as const) {
      const { clock, events } = world(t, { hasDatabase: false, lastChangeAgoMs });
      clock.begin();
      if (!isCertain)
        await waitUntil("it has looked", async () => events.some((event) => event.startsWith("nothing was signed")));
      assert.equal(clock.isCertain, isCertain);
    }
  });
});
