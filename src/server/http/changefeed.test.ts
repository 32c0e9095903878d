import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { changefeedJson, parseChangeQuery } from "./changefeed.ts";

const parse = (query: string) => parseChangeQuery(undefined, new URLSearchParams(query));

describe("the changefeed", () => {
  const accepted = [
    { query: "records=3", from: 0, limit: 3, backwards: false },
    { query: "records=0", from: 0, limit: 100, backwards: false },
    { query: "records=-2", from: 0, limit: 2, backwards: true },
    { query: "change_id=2&records=2", from: 2, limit: 2, backwards: false },
    { query: "change_id=&records=-1", from: 0, limit: 1, backwards: true },
    { query: "records=999999999", from: 0, limit: 10_000, backwards: false },
  ];
  for (const { query, ...expected } of accepted) {
    it(`reads ${query}`, () => assert.deepEqual(parse(query), { gun: undefined, ...expected }));
  }

  for (const query of [
    "",
    "records=",
    "records=abc",
    "records=1.5",
    "records=1&change_id=x",
    "records=1&change_id=-4",
  ]) {
    it(`refuses ${JSON.stringify(query)}`, () => {
      assert.throws(() => parse(query), { wireCode: "INVALID_PARAMETERS", status: 400 });
    });
  }

  it("reports errors in the reference's words", () => {
    const detail = 'invalid records parameter: strconv.ParseInt: parsing "abc": invalid syntax';
    assert.throws(() => parse("records=abc"), { detail });
  });

  it("writes records as Notary's server does", () => {
    const createdAt = new Date("2026-11-23T03:25:40.784Z");
    const change = { id: 1, createdAt, gun: "g", version: 2, sha256: "56", category: "update" } as const;
    assert.equal(
      changefeedJson([change]),
      '{"count":1,"records":[{"ID":"1","CreatedAt":"2026-11-23T03:25:40.784Z","GUN":"g","Version":2,"SHA256":"56","Category":"update"}]}',
    );
    assert.equal(changefeedJson([]), '{"count":0,"records":[]}');
  });
});
