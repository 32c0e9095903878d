/** The engines that `tagseal doctor --gateway` can ask for an image. */
import { UsageError } from "../../errors.ts";

/** The engines that can be asked. */
export const probedEngines = ["containerd", "docker", "podman"] as const;

/** One of {@link probedEngines}. */
export type ProbedEngine = (typeof probedEngines)[number];

/** Reads the name of an engine. @throws UsageError `USAGE` */
export function parseProbedEngine(word: string): ProbedEngine {
  const engine = probedEngines.find((each) => each === word);
  if (engine !== undefined) return engine;
  throw new UsageError("USAGE", `"${word}" is not an engine that can be asked`, {
    hint: `Name one of: ${probedEngines.join(", ")}.`,
  });
}
