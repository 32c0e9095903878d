/** What engines leave mounted below a directory, so that it can be removed. */
import { readFileSync } from "node:fs";
import { run } from "./processes.ts";

/** Unmounts it: network namespaces that containers shared, memory of containers that were created and not started. */
export async function unmountBelow(directory: string): Promise<void> {
  const mounted = readFileSync("/proc/mounts", "utf8")
    .split("\n")
    .map((line) => line.split(" ")[1] ?? "");
  for (const path of mounted.filter((place) => place.startsWith(`${directory}/`)).toReversed())
    await run("umount", [path]);
}
