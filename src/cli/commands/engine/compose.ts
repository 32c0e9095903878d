/** `docker compose build|create|pull|run|up` under content trust: the images of all services are signed. */
import { createReadStream } from "node:fs";
import type { EngineInvocation } from "../../../engine/command-line/invocation.ts";
import { runCompose } from "../../../engine/compose/run-compose.ts";
import { registryConfigurations } from "../../../engine/image-build/inherited-configuration.ts";
import { trustedImage } from "../../front-end/container-image.ts";
import type { EngineCommand, EngineCommandContext } from "../../front-end/engine-command.ts";
import { reporting } from "../../front-end/reporting.ts";
import { resolveAnyImage } from "../../front-end/trusted-image.ts";
import { withMirrors } from "../../open/registry.ts";

/** `compose` with trust on. */
export const command: EngineCommand = (invocation, context) => reporting(context, () => compose(invocation, context));

async function compose(invocation: EngineInvocation, context: EngineCommandContext): Promise<number> {
  const { io, engine } = context;
  return await runCompose({
    invocation,
    engine,
    env: io.env,
    signal: io.signal,
    input: () => createReadStream("", { fd: 0, autoClose: false }),
    pin: (image) => trustedImage(image, context),
    resolve: (reference) => resolveAnyImage(reference, io),
    configurations: (reference, digest) =>
      withMirrors(io, reference, (registry) => registryConfigurations(registry, digest)),
    handOver: (argv) => context.handOver(argv),
    tell: (text) => io.stderr.write(`${text}\n`),
    show: (text) => io.stderr.write(text),
  });
}
