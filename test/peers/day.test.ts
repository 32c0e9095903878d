/** A day of a platform: ten minutes of it where all peers are (`CI=true`), elsewhere each disaster once; `npm run soak -- day` is the long one. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { liveThroughDay } from "../day/day.ts";
import { faketimeLibrary } from "../day/world.ts";
import { missingPeers } from "../support/peers.ts";

const missing =
  missingPeers(["docker 28", "notary", "postgres", "openssl"]) || (faketimeLibrary() === undefined && "needs faketime");

const seconds = process.env["CI"] === "true" ? 600 : 1;
/** A disaster shows for six seconds at least: with these pauses each reader meets it twice or more, and other suites get on. */
const rest = 8;

describe("a day of a platform", () => {
  it(
    "I3, I7: refuses no reader, loses nothing acknowledged, and each disaster shows within a minute",
    { skip: missing },
    async () => {
      const told: string[] = [];
      const tell = (line: string): void => void told.push(`${new Date().toISOString()} ${line}`);
      const { book, lost, unnoticed, disasters } = await liveThroughDay({ seconds, tell, rest });
      assert.deepEqual(unnoticed, [], told.join("\n"));
      // the refusals come last: a long log is shown from its end
      assert.equal(book.refusedReaders.length, 0, [...told, ...book.refusedReaders].join("\n"));
      assert.deepEqual(lost, []);
      assert.ok(disasters >= 10);
      for (const [reader, reads] of Object.entries(book.reads)) assert.ok(reads > 10, `${reader} read ${reads} times`);
      assert.ok(
        [...book.acknowledged.values()].some((tags) => tags.size > 5),
        "hardly anything was published",
      );
    },
  );
});
