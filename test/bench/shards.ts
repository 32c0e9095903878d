/** A repository that is split into shards beside the same list in one piece, and beside a small repository: one tag, on a new machine. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { seedTags } from "../support/many-tags.ts";
import { startTagsealServer, type Scope } from "../support/peers.ts";
import { ours } from "./clients.ts";
import { executableName, rowOf, timeInTurns, type Contender, type Row } from "./measure.ts";
import { MeteredUser } from "./meter.ts";

/** How large the large repository and the small one are. */
export interface ShardLoad {
  readonly large: number;
  readonly small: number;
  readonly turns: number;
}

/** What counts, and a first look that takes seconds. */
export const shardLoads = {
  whole: { large: 50_000, small: 100, turns: 11 },
  quick: { large: 500, small: 20, turns: 1 },
} as const satisfies Readonly<Record<string, ShardLoad>>;

const [split, whole, small] = ["split", "whole", "small"].map((name) => `registry.example.com/bench/${name}`) as [
  string,
  string,
  string,
];

/** Verifying on a machine that knows none of the repositories. */
export async function verifyShards(scope: Scope, load: ShardLoad): Promise<Row[]> {
  const metered = await MeteredUser.start(scope, "shards", await startTagsealServer(scope));
  const { user } = metered;
  for (const gun of [split, whole]) await seedTags(user, gun, load.large);
  await seedTags(user, small, load.small);
  await user.tagsealOk(["trust", "shard", "--auto", split], { timeoutMs: 600_000 });
  const [many, few] = [load.large, load.small].map((count) => `${count.toLocaleString("en")} tags`);
  const forget = (): void => rmSync(join(user.trustDirectory, "tuf"), { recursive: true, force: true });
  const verifying = (gun: string, name: string): Contender[] =>
    ours(metered, name, () => ["verify", `${gun}:t1`], forget).map((contender) =>
      contender.name === executableName && gun !== split ? { ...contender, name: `${name}, executable` } : contender,
    );
  const lookup = metered.contender(
    "notary lookup",
    async (by, options) => await by.notaryOk(["lookup", split, "t1"], options),
    forget,
  );
  const contenders = [
    ...verifying(split, "tagseal verify"),
    ...verifying(small, `${few}, itself`),
    ...verifying(whole, `${many} in one list, itself`),
    lookup,
  ];
  return [rowOf(`cold verify of one tag, ${many} in shards`, "ms", await timeInTurns(contenders, load.turns))];
}
