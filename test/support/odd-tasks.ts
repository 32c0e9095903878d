/** A work thread for tests: does what its task says, the unpleasant things too. */

import { MetadataError } from "../../src/errors.ts";
import { serveTasks, type Ask } from "../../src/server/threads/thread-tasks.ts";
import { UpdateRefused } from "../../src/tuf/update-refused.ts";

/** What it can be told to do. */
export type OddTask = "echo" | "ask" | "refuse" | "fill the memory" | "spin" | "exit" | "fail";

const deeds: Readonly<Record<OddTask, (ask: Ask) => unknown>> = {
  echo: () => "echo",
  ask: (ask) => ask("what is it?"),
  refuse: () => {
    throw new UpdateRefused("ErrBadTargets", "not like this", {
      cause: new MetadataError("METADATA_MALFORMED", "this"),
      hint: "Do it otherwise.",
      missing: "snapshot",
    });
  },
  "fill the memory": () => {
    for (const kept: number[][] = []; ;) kept.push(Array.from({ length: 10_000 }, (_, index) => index + 0.5));
  },
  spin: () => {
    for (;;);
  },
  exit: () => process.exit(3),
  fail: () => {
    throw new RangeError("too much");
  },
};

serveTasks(async (task, ask) => ({ value: await deeds[task as OddTask](ask), memory: [] }));
