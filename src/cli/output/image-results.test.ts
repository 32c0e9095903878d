import assert from "node:assert/strict";
import { test } from "node:test";
import { MetadataError, TagsealError } from "../../errors.ts";
import { captured } from "../captured-io.ts";
import { AlreadyReported } from "../command-failure.ts";
import { ImageResults } from "./image-results.ts";

const result = (text: string) => async () => ({ text, json: { digest: text } });
const refused = async (): Promise<never> => {
  throw new MetadataError("METADATA_EXPIRED", "too old");
};

function resultsOf(names: readonly string[], json: boolean) {
  const { io, stdout, stderr } = captured({ env: {}, now: () => new Date() });
  return { results: new ImageResults(names, json, io), stdout, stderr };
}

test("text waits for the results before it", async () => {
  const { results, stdout, stderr } = resultsOf(["a", "b", "c"], false);
  await results.attempt(2, result("C"));
  await results.attempt(1, refused);
  assert.equal(stdout() + stderr(), "");
  await results.attempt(0, result("A"));
  assert.equal(stdout(), "A\nC\n");
  assert.equal(stderr(), "b: too old\n[METADATA_EXPIRED]\n");
  assert.throws(
    () => results.end(),
    (error) => error instanceof AlreadyReported && error.exitCode === 3,
  );
});

test("JSON does not wait", async () => {
  const { results, stdout } = resultsOf(["a", "b"], true);
  await results.attempt(1, result("B"));
  assert.equal(stdout(), '{"name":"b","digest":"B"}\n');
  await results.attempt(0, result("A"));
  assert.equal(stdout(), '{"name":"b","digest":"B"}\n{"name":"a","digest":"A"}\n');
  assert.equal(results.end(), 0);
});

test("an interruption ends all of it", async () => {
  const { results } = resultsOf(["a"], false);
  const cancelled = async (): Promise<never> => {
    throw new TagsealError("CANCELLED", "interrupted");
  };
  await assert.rejects(results.attempt(0, cancelled), { code: "CANCELLED" });
});
