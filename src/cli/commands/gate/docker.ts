import { UsageError } from "../../../errors.ts";
import type { Exemption } from "../../../gates/docker/call-kind.ts";
import { defineCommand } from "../../command.ts";
import { parseDuration } from "../../options/duration.ts";
import type { Options } from "../../options/option.ts";
import { readerEnvironment } from "../../options/trust-flags.ts";
import { foregroundLog, serveUntilStopped } from "../../serving/in-foreground.ts";

/** Where docker's daemon looks for the plugin called tagseal. */
const usualSocket = "/run/docker/plugins/tagseal.sock";
const usualRefresh = "30s";
const exemptions: readonly Exemption[] = ["build", "load", "swarm-join"];

const options = {
  socket: {
    kind: "text",
    value: "path",
    default: usualSocket,
    complete: "file",
    help: "Socket on which docker's daemon asks; its name is that of the plugin",
  },
  allow: {
    kind: "list",
    value: "what",
    help: "Allow without a decision: build, load (archives and imports) or swarm-join; may be repeated",
  },
  refresh: {
    kind: "text",
    value: "duration",
    default: usualRefresh,
    help: "Ask the trust server at most this often for one repository; no answer is older than twice this",
  },
} as const satisfies Options;

/** `tagseal gate docker`: the authorization plugin of docker's daemon. */
export const command = defineCommand(
  {
    path: "gate docker",
    usage: "[OPTIONS]",
    summary: "Decide for docker's daemon which images it may use",
    description: [
      "Authorization plugin for docker's daemon, which asks it about every request of every client: docker of any version, Compose, SDKs, curl on the socket. Start the daemon with --authorization-plugin tagseal; while the gate is not running, the daemon refuses all requests.",
      "A pull by tag is allowed if the tag is signed and the registry has the signed digest for it. A container is made only from an image whose content is signed for its name, whatever the name of the local image. Images of services and plugins need the signed digest in their names. Builds, archives and joining another swarm cannot be decided about: they are refused unless --allow names them. So is every request that is not known.",
      "Runs in the foreground until SIGTERM or Ctrl-C. SIGHUP reads the policies again. Logs are JSON lines on standard error, one for each verdict and each refused request.",
    ],
    options,
    args: { min: 0, max: 0 },
    examples: [
      { text: "decide for the daemon of this machine", line: "sudo tagseal gate docker" },
      { text: "the same on a machine that builds images", line: "sudo tagseal gate docker --allow build" },
    ],
    environment: [["DOCKER_HOST", "the daemon that asks (default unix:///var/run/docker.sock)"], ...readerEnvironment],
    endsOnSignal: true,
  },
  async ({ options: given }, io) => {
    const exempt = new Set(given.allow.map(exemption));
    const refreshMs = parseDuration(given.refresh ?? usualRefresh, "--refresh");
    const line = foregroundLog(io);
    const { ServerLog } = await import("../../../service/log.ts");
    const { openDockerJudge } = await import("../../gate/docker-judge.ts");
    const { startAuthorizationPlugin } = await import("../../../gates/docker/authorization-plugin.ts");
    const log = new ServerLog({ sink: line, level: "info", now: io.now });
    const { judge, reload } = await openDockerJudge(io, { exempt, refreshMs, log });
    const running = await startAuthorizationPlugin({ socket: given.socket ?? usualSocket, judge, log });
    return await serveUntilStopped({ reload, close: running.close }, io, line);
  },
);

function exemption(text: string): Exemption {
  const found = exemptions.find((known) => known === text);
  if (found !== undefined) return found;
  throw new UsageError("USAGE", `--allow: expected ${exemptions.join(", ")}, got "${text}"`);
}
