/** `docker build` under content trust: every image in the build is signed. */
import { createReadStream } from "node:fs";
import { dirname } from "node:path";
import { UsageError } from "../../../errors.ts";
import type { EngineInvocation } from "../../../engine/command-line/invocation.ts";
import { buildImage } from "../../../engine/image-build/build-image.ts";
import { registryConfigurations } from "../../../engine/image-build/inherited-configuration.ts";
import { withMirrors } from "../../open/registry.ts";
import type { EngineCommand, EngineCommandContext } from "../../front-end/engine-command.ts";
import { onlyOperand, reporting } from "../../front-end/reporting.ts";
import { resolveAnyImage } from "../../front-end/trusted-image.ts";

/** `build` with trust on. */
export const command: EngineCommand = (invocation, context) => reporting(context, () => build(invocation, context));

async function build(invocation: EngineInvocation, context: EngineCommandContext): Promise<number> {
  const { io, engine } = context;
  return await buildImage({
    invocation,
    context: contextOperand(invocation, context),
    engine,
    env: io.env,
    signal: io.signal,
    input: () => createReadStream("", { fd: 0, autoClose: false }),
    resolve: (reference) => resolveAnyImage(reference, io),
    configurations: (reference, digest) =>
      withMirrors(io, reference, (registry) => registryConfigurations(registry, digest)),
    handOver: (argv) => context.handOver(argv),
    tell: (line) => io.stderr.write(`${line}\n`),
  });
}

/** podman builds from the directory of the first file, or from the working directory when no file is named. */
function contextOperand(invocation: EngineInvocation, { io, engine }: EngineCommandContext): string {
  if (engine.kind !== "podman" || invocation.operands.length > 0)
    return onlyOperand(invocation, "[OPTIONS] PATH | URL | -", io).text;
  const [file] = invocation.flags.get("file") ?? [];
  if (file === undefined) return ".";
  if (file !== "-" && !/^(?:https?:\/\/|git:\/\/|github\.com\/)/.test(file)) return dirname(file);
  throw new UsageError("USAGE", "no context directory and no Containerfile specified", {
    hint: "Name the build context: tagseal build -f FILE DIRECTORY",
  });
}
