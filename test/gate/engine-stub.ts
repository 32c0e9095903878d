import type { EngineKind } from "../../src/engine/command-line/invocation.ts";
import type { Engine } from "../../src/engine/engine.ts";

/** An engine as far as a build asks for one: it is of linux/amd64, has no images, and runs what `run` does. */
export function namedEngine(kind: EngineKind, executable = kind as string, run?: Engine["run"]): Engine {
  const unused = (): never => {
    throw new TypeError("a build does not ask for this");
  };
  return {
    kind,
    executable,
    prepare: () => undefined,
    async run(args, options) {
      const asksForPlatform = args[0] === "version" || args[0] === "info";
      if (asksForPlatform || run === undefined) return { exitCode: 0, stdout: "linux/amd64\n", stderr: "" };
      return await run(args, options);
    },
    findImage: async () => undefined,
    imageExists: async () => false,
    push: unused,
    pushAllTags: unused,
    pullByDigest: unused,
    tag: unused,
    close: () => undefined,
  };
}
