/** The smallest case that still does the same. */
import type { GateCase } from "./gate-case.ts";

const maxTries = 150;

/** Takes parts away as long as `isStill` answers true. */
export async function shrunk(start: GateCase, isStill: (smaller: GateCase) => Promise<boolean>): Promise<GateCase> {
  let tries = 0;
  let best = start;
  const attempt = async (smaller: GateCase): Promise<boolean> => {
    tries += 1;
    if (tries > maxTries || !(await isStill(smaller))) return false;
    best = smaller;
    return true;
  };
  if (best.delivery !== "directory") await attempt({ ...best, delivery: "directory" });
  for (let at = best.flags.length - 1; at >= 0; at -= 1) await attempt({ ...best, flags: best.flags.toSpliced(at, 1) });
  for (let at = best.triggers.length - 1; at >= 0; at -= 1)
    await attempt({ ...best, triggers: best.triggers.toSpliced(at, 1) });
  for (let at = best.environment.length - 1; at >= 0; at -= 1)
    await attempt({ ...best, environment: best.environment.toSpliced(at, 1) });
  for (const separator of ["\n", " "]) {
    for (let size = 8; size >= 1; size >>= 1) {
      for (let at = best.dockerfile.split(separator).length - size; at >= 0; at -= size) {
        const pieces = best.dockerfile.split(separator);
        await attempt({ ...best, dockerfile: pieces.toSpliced(at, size).join(separator) });
      }
    }
  }
  return best;
}
