import assert from "node:assert/strict";
import { test } from "node:test";
import { displayTime, parseTime, referenceTime } from "./time.ts";

const times = [
  ["2026-12-07T04:07:46.151842033Z", "2026-12-07T04:07:46.151Z"],
  ["2026-12-07T04:07:46Z", "2026-12-07T04:07:46.000Z"],
  ["2026-12-07T04:07:46.5Z", "2026-12-07T04:07:46.500Z"],
  ["2026-12-07T04:07:46+09:00", "2026-12-06T19:07:46.000Z"],
  ["2026-12-07T04:07:46.1-03:30", "2026-12-07T07:37:46.100Z"],
  ["2028-02-29T00:00:00Z", "2028-02-29T00:00:00.000Z"],
  ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z"],
] as const;

for (const [text, instant] of times) {
  test(`${text} is ${instant}`, () => assert.equal(parseTime(text)?.toISOString(), instant));
}

const noTimes = [
  "",
  "2026-12-07",
  "2026-12-07 04:07:46Z",
  "2026-12-07T04:07:46",
  "2026-12-07t04:07:46z",
  "2026-13-07T04:07:46Z",
  "2026-00-07T04:07:46Z",
  "2027-02-29T00:00:00Z",
  "2026-04-31T00:00:00Z",
  "2026-12-07T24:00:00Z",
  "2026-12-07T04:60:46Z",
  "2026-12-07T04:07:60Z",
  "2026-12-07T04:07:46.Z",
  "2026-12-07T04:07:46.1234567890Z",
  "2026-12-07T04:07:46+24:00",
  "2026-12-07T04:07:46+0900",
  "+2026-12-07T04:07:46Z",
  " 2026-12-07T04:07:46Z",
];

for (const text of noTimes)
  test(`${JSON.stringify(text)} is not a time`, () => assert.equal(parseTime(text), undefined));

test("a reference sender trims the fraction and writes Z for an offset of zero", () => {
  assert.equal(referenceTime("2026-12-07T04:07:46.500Z"), "2026-12-07T04:07:46.5Z");
  assert.equal(referenceTime("2026-12-07T04:07:46.000Z"), "2026-12-07T04:07:46Z");
  assert.equal(referenceTime("2026-12-07T04:07:46+00:00"), "2026-12-07T04:07:46Z");
  assert.equal(referenceTime("2026-12-07T04:07:40.05+02:00"), "2026-12-07T04:07:40.05+02:00");
  assert.equal(referenceTime("2026-12-07T04:07:40Z"), "2026-12-07T04:07:40Z");
});

test("times are shown in the layout docker users know", () => {
  assert.equal(displayTime(new Date("2006-01-02T15:04:05Z")), "Mon Jan 2 15:04:05 UTC 2006");
});
