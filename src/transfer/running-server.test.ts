import { deepEqual, rejects } from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { reply, startStory } from "../../test/support/story-server.ts";
import { temporaryDirectory } from "../../test/support/temporary-directory.ts";
import { RunningTrustServer } from "./running-server.ts";

interface FeedRecord {
  readonly ID: string;
  readonly CreatedAt: string;
  readonly GUN: string;
  readonly Version: number;
  readonly SHA256: string;
  readonly Category: string;
}

const gun = "registry.example.com/team/app";

function record(id: number, changes: Partial<FeedRecord> = {}): FeedRecord {
  const time = "2026-11-23T04:07:46.123456789Z";
  return {
    ID: String(id),
    CreatedAt: time,
    GUN: gun,
    Version: 1,
    SHA256: "ab".repeat(32),
    Category: "update",
    ...changes,
  };
}

/** A server whose changefeed has these pages, whatever is asked for. */
async function serverWith(t: TestContext, ...pages: readonly unknown[]): Promise<RunningTrustServer> {
  let page = 0;
  const story = await startStory(t, (_, response) => {
    const body = pages[Math.min(page++, pages.length - 1)];
    reply(response, 200, typeof body === "string" ? body : JSON.stringify(body));
  });
  return await reach(t, story.origin);
}

async function reach(t: TestContext, url: string): Promise<RunningTrustServer> {
  const dockerConfigDir = temporaryDirectory(t);
  const env = {};
  const now = (): Date => new Date();
  const credentials = async (): Promise<undefined> => undefined;
  const how = { url, dockerConfigDir, credentials, env, now, allowPlainHttpLoopback: true };
  const server = await RunningTrustServer.open(how);
  t.after(() => server.close());
  return server;
}

const feed = (...records: readonly unknown[]): object => ({ count: records.length, records });

describe("the changefeed of a running server", () => {
  it("lists the repositories that were not deleted since", async (t) => {
    const others = ["b", "a"].map((name, index) => record(index + 2, { GUN: `registry.example.com/${name}` }));
    const deleted = record(5, { Category: "deletion", SHA256: " ".repeat(64), Version: 0 });
    const server = await serverWith(t, feed(record(1), ...others), feed(deleted), { count: 0, records: null });
    deepEqual(await server.guns(), ["registry.example.com/a", "registry.example.com/b"]);
  });

  it("is read from where the last page ended", async (t) => {
    const asked: string[] = [];
    const story = await startStory(t, (request, response) => {
      asked.push(request.url ?? "");
      reply(response, 200, JSON.stringify(asked.length === 1 ? feed(record(7)) : feed()));
    });
    await (await reach(t, story.origin)).changes(gun);
    deepEqual(asked, [
      `/v2/${gun}/_trust/changefeed?records=1000&change_id=0`,
      `/v2/${gun}/_trust/changefeed?records=1000&change_id=7`,
    ]);
  });

  const hostile: readonly { readonly name: string; readonly page: unknown }[] = [
    { name: "goes round in circles", page: feed(record(1)) },
    { name: "counts backwards", page: feed(record(2), record(1)) },
    { name: "is not JSON", page: "<html>" },
    { name: "is not a list", page: { records: "many" } },
    { name: "holds something else", page: feed(1) },
    { name: "names no repository", page: feed(record(1, { GUN: "../../etc" })) },
    { name: "has an invalid ID", page: feed(record(1, { ID: "-1" })) },
    { name: "has an invalid time", page: feed(record(1, { CreatedAt: "yesterday" })) },
    { name: "has a version below all", page: feed(record(1, { Version: -1 })) },
    { name: "has a version beyond all", page: feed(record(1, { Version: 2 ** 31 })) },
    { name: "has a version between two", page: feed(record(1, { Version: 1.5 })) },
    { name: "has an invalid hash", page: feed(record(1, { SHA256: "short" })) },
  ];
  for (const { name, page } of hostile) {
    it(`I1: is not used when it ${name}`, async (t) => {
      await rejects((await serverWith(t, page)).changes(), { code: "RESPONSE_MALFORMED" });
    });
  }

  it("I8: is not used when it is about another repository than the one asked for", async (t) => {
    const server = await serverWith(t, feed(record(1), record(2, { GUN: "registry.example.com/team/other" })), feed());
    await rejects(server.changes(gun), { code: "RESPONSE_MALFORMED", message: /change 2 of .*app is one of .*other/u });
  });

  it("I1: is not used when it never ends", async (t) => {
    let id = 0;
    const story = await startStory(t, (_, response) => {
      const records = Array.from({ length: 18_000 }, () => record(++id));
      reply(response, 200, JSON.stringify(feed(...records)));
    });
    await rejects((await reach(t, story.origin)).changes(), {
      code: "RESPONSE_MALFORMED",
      message: /more than 1000000/u,
    });
  });

  it("I1: is not used when it is too long", async (t) => {
    await rejects((await serverWith(t, " ".repeat(5_000_000))).changes(), { code: "RESPONSE_TOO_LARGE" });
  });

  it("may be closed to us", async (t) => {
    const story = await startStory(t, (_, response) => reply(response, 403, "no"));
    await rejects((await reach(t, story.origin)).guns(), {
      code: "AUTHENTICATION_REFUSED",
      hint: "Name the repositories instead.",
    });
  });
});
