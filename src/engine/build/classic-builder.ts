import { parseBoolean } from "../command-line/boolean.ts";
import type { EngineInvocation } from "../command-line/invocation.ts";
import type { Engine } from "../engine.ts";
import type { Env } from "../trust-switch.ts";

/** Answers whether docker will build with its classic builder rather than BuildKit. Asks docker's help when the environment leaves it open. */
export async function usesClassicBuilder(
  engine: Engine,
  { commandPath }: EngineInvocation,
  env: Env,
): Promise<boolean> {
  if (engine.kind !== "docker" || commandPath[0] === "buildx") return false;
  const wanted = parseBoolean(env["DOCKER_BUILDKIT"] ?? "");
  if (wanted !== undefined) return !wanted;
  const { stdout } = await engine.run([...commandPath, "--help"], { stdin: "ignore", capture: true });
  // BuildKit has no such flag, or hides it
  return stdout.includes("--cpu-period");
}
