/** That the benchmark runs: parts of it, with little to do. What it measures here means nothing. */
import assert from "node:assert/strict";
import { copyFileSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { after, describe, it } from "node:test";
import { missingPeers, run, Scope } from "../support/peers.ts";
import { rendered } from "./page.ts";
import { Recorder, readResults, type Run } from "./results.ts";

const script = resolve(import.meta.dirname, "run.ts");
const scope = new Scope("bench-run");
after(async () => await scope.close());

const bench = (...words: readonly string[]) => run(process.execPath, [script, ...words], { timeoutMs: 600_000 });

describe("npm run bench", () => {
  const peers = ["notary", "registry", "skopeo", "wrk", "docker", "openssl"] as const;
  it(
    "measures the parts that are named, and writes figures, page and plots",
    { skip: missingPeers(peers) },
    async () => {
      const out = scope.path("out");
      const { code, stdout, stderr } = await bench(
        "start",
        "clients",
        "repositories",
        "versions",
        "digests",
        "shards",
        "transfer",
        "--quick",
        "--out",
        out,
      );
      assert.equal(code, 0, stderr);
      assert.equal(stdout.trim(), join(out, "benchmarks.md"));
      const results = readResults(join(out, "benchmarks/results.json"));
      const [first] = results.runs;
      assert.ok(results.runs.length === 1 && first?.quick === true && /^[0-9a-f]{7,}/u.test(first.commit));
      const works = results.rows.map(({ work }) => work);
      for (const work of [
        /^start/u,
        /^warm verify, 100 tags/u,
        /^cold/u,
        /^sign and publish/u,
        /20 repositories/u,
        /3 publications/u,
        /500 tags in shards/u,
        /^verify and pull/u,
      ])
        assert.ok(
          works.some((known) => work.test(known)),
          `${work}`,
        );
      for (const { work, ours, peers: others } of results.rows)
        for (const { median } of [ours, ...others]) assert.ok(median > 0, work);
      const cold = results.rows.find(({ work }) => work === "cold verify, 100 tags");
      assert.deepEqual(
        cold?.peers.map(({ name }) => name),
        ["notary lookup", "docker trust inspect"],
      );
      for (const { upBytes = 0, downBytes = 0 } of [cold.ours, ...cold.peers])
        assert.ok(upBytes > 500 && downBytes > 5000);
      const page = readFileSync(join(out, "benchmarks.md"), "utf8");
      assert.equal(rendered(page, results), page);
      assert.match(page, /!\[[^\]]+\]\(benchmarks\/versions-bytes\.svg\)/u);
      assert.match(readFileSync(join(out, "benchmarks/warm-verify.svg"), "utf8"), /notary lookup/u);
    },
  );

  it("names the parts when another one is asked for", async () => {
    const { code, stderr } = await bench("speed", "--out", scope.path("none"));
    assert.equal(code, 1);
    assert.match(stderr, /no part is called speed; there are: start, clients/u);
  });
});

describe("the file of figures", () => {
  const row = (work: string, median: number) => ({ work, unit: "ms", ours: { median }, peers: [] }) as const;
  const begun = (begun: string): Run => ({ begun, commit: "c", quick: false, load: 0, machine: {}, versions: {} });

  it("keeps what an interrupted run measured, beside what it did not reach", () => {
    const path = scope.path("results.json");
    const earlier = new Recorder(path, begun("1"));
    for (const [part, work] of [
      ["a", "one"],
      ["a", "two"],
      ["b", "three"],
    ] as const)
      earlier.add(part, row(work, 1));
    new Recorder(path, begun("2")).add("a", row("one", 2));
    const { rows, runs } = readResults(path);
    assert.deepEqual(
      rows.map(({ work, ours, run: of }) => [work, ours.median, of]),
      [
        ["one", 2, "2"],
        ["two", 1, "1"],
        ["three", 1, "1"],
      ],
    );
    assert.deepEqual(
      runs.map(({ begun: of }) => of),
      ["1", "2"],
    );
  });

  it("drops rows of a part that its last whole run did not measure, and runs without rows", () => {
    const path = scope.path("results.json");
    copyFileSync(path, scope.path("kept.json"));
    const last = new Recorder(scope.path("kept.json"), begun("3"));
    last.add("a", row("one", 3));
    last.finished("a");
    last.add("b", row("three", 3));
    const { rows, runs } = readResults(scope.path("kept.json"));
    assert.deepEqual(
      rows.map(({ work }) => work),
      ["one", "three"],
    );
    assert.deepEqual(
      runs.map(({ begun: of }) => of),
      ["3"],
    );
  });
});
