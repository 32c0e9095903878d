/** Opens the container engine of given settings: the only place that knows all engines. */
import type { Engine, OpenEngineOptions } from "./engine.ts";

/** Opens an engine. Connects to nothing yet. */
export async function openEngine(options: OpenEngineOptions): Promise<Engine> {
  if (options.kind === "podman") {
    const { PodmanEngine } = await import("./podman-engine.ts");
    return new PodmanEngine(options);
  }
  const { DockerEngine } = await import("./docker-engine.ts");
  return new DockerEngine(options);
}
