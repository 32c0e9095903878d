import { parseBoolean } from "../command-line/boolean.ts";
import type { EngineInvocation } from "../command-line/invocation.ts";
import type { Engine } from "../engine.ts";
import type { Environment } from "../../environment/environment.ts";
import { DockerfileRefused } from "./refused.ts";

/** Whether docker will build with its classic builder rather than BuildKit. Reads docker's help when the environment does not decide it. */
export async function usesClassicBuilder(
  engine: Engine,
  { commandPath }: EngineInvocation,
  env: Environment,
): Promise<boolean> {
  if (engine.kind !== "docker" || commandPath[0] === "buildx") return false;
  const wanted = parseBoolean(env["DOCKER_BUILDKIT"] ?? "");
  if (wanted !== undefined) return !wanted;
  const { stdout } = await engine.run([...commandPath, "--help"], { stdin: "ignore", capture: true });
  // BuildKit has no such flag, or hides it
  return stdout.includes("--cpu-period");
}

/**
 * docker's command may be connected to podman, which then builds by its own rules.
 *
 * @throws UsageError `DOCKERFILE_REFUSED`
 */
export async function refusePodmanServer(engine: Engine): Promise<void> {
  const format = "{{range .Server.Components}}{{.Name}},{{end}}";
  const { stdout } = await engine.run(["version", "--format", format], { stdin: "ignore", capture: true });
  if (!stdout.includes("Podman Engine")) return;
  throw new DockerfileRefused(
    "docker's engine here is podman, which reads Dockerfiles in another way",
    "build with podman's own command: tagseal --engine podman build",
  );
}
