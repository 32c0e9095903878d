/** From settings to a container engine: the one place that knows which there are. */
import type { Engine, OpenEngineOptions } from "./engine.ts";

/** Opens an engine. Connects to nothing yet. */
export async function openEngine(options: OpenEngineOptions): Promise<Engine> {
  if (options.kind === "podman") return (await import("./podman-engine.ts")).openPodman(options);
  return (await import("./docker-engine.ts")).openDocker(options);
}
