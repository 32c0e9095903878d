import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { DemoGateway, IncidentStage } from "../../sandbox/incident.ts";
import type { CommandOutcome, LineKind } from "../../sandbox/narrator.ts";
import type { Sandbox } from "../../sandbox/sandbox.ts";
import { defineCommand } from "../command.ts";
import { TagsealError } from "../../errors.ts";
import type { Io, Output } from "../io.ts";
import { captured } from "../captured-io.ts";
import { parsePort } from "../options/listen-address.ts";
import { untilAborted } from "../serving/until-aborted.ts";
import { dressed } from "../output/demo-lines.ts";

/** `tagseal sandbox`: a throwaway registry and trust server; `--demo` runs a demonstration on them. */
export const command = defineCommand(
  {
    path: "sandbox",
    usage: "[OPTIONS]",
    summary: "Run a throwaway registry and trust server on this machine",
    description: [
      "Starts an OCI registry and a trust server on loopback, with a throwaway certificate authority, passphrase and docker configuration directory, and prints the variables to export in another terminal; tagseal, docker and notary then use the sandbox. It needs no docker and no privileges. Ctrl-C ends it, and unless --data was given nothing stays behind.",
      "With --demo it shows what content trust is for, on a real image, in under a minute: an unsigned image is invisible, a signed one is found, and a moved tag, a changed layer, a rolled-back and a frozen trust server are refused, each with its reason. The exit status is 0 only if every refusal really happened.",
      "With --gateway it replays an incident: a publisher's registry credentials are stolen, a tag is overwritten, and a mirror keeps the malware. Engines that cannot check signatures get it from the registry and from the mirror, and the signed image through 'tagseal gateway'.",
    ],
    options: {
      demo: { kind: "switch", help: "Play the demonstration and exit" },
      gateway: { kind: "switch", help: "Play the demonstration of the gateway and exit" },
      data: {
        kind: "text",
        value: "dir",
        complete: "directory",
        help: "Keep everything here and use it again next time, instead of in a temporary directory",
      },
      "registry-port": { kind: "text", value: "port", help: "Port of the registry (default: any free one)" },
      "server-port": { kind: "text", value: "port", help: "Port of the trust server (default: any free one)" },
    },
    args: { min: 0, max: 0 },
    examples: [
      { text: "what is this about?", line: "tagseal sandbox --demo" },
      { text: "what a gateway stops", line: "tagseal sandbox --gateway" },
      { text: "one to come back to", line: "tagseal sandbox --data ./sandbox" },
    ],
    endsOnSignal: true,
  },
  async ({ options }, io) => {
    const { data } = options;
    const directory = data === undefined ? await mkdtemp(join(tmpdir(), "tagseal-sandbox-")) : resolve(data);
    const ports = {
      registryPort: portOption(options["registry-port"], "registry-port"),
      serverPort: portOption(options["server-port"], "server-port"),
    };
    try {
      if (options.gateway) return await demonstrate("incident", { directory, ports }, io);
      return options.demo ? await demonstrate("attacks", { directory, ports }, io) : await serve(directory, ports, io);
    } finally {
      // An upload that was cut off may still write its last file.
      if (data === undefined) await rm(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
    }
  },
);

interface Ports {
  readonly registryPort: number | undefined;
  readonly serverPort: number | undefined;
}

function portOption(text: string | undefined, flag: string): number | undefined {
  return text === undefined ? undefined : parsePort(text, flag);
}

async function serve(directory: string, ports: Ports, io: Io): Promise<number> {
  const { startSandbox } = await import("../../sandbox/sandbox.ts");
  const sandbox = await startSandbox({ directory, ...ports, now: io.now });
  io.stdout.write(exportLines(sandbox));
  io.stderr.write(introduction(sandbox));
  await untilAborted(io.signal);
  await sandbox.close();
  return 0;
}

function exportLines({ environment }: Sandbox): string {
  return Object.entries(environment)
    .map(([name, value]) => `export ${name}=${shellWord(value)}\n`)
    .join("");
}

function shellWord(text: string): string {
  return /^[\w.:/@-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

function introduction({ sampleImage }: Sandbox): string {
  return `
The sandbox is running. Paste the lines above into another terminal, and there:

  tagseal push --from oci:${sampleImage.directory} $REGISTRY/team/app:1.0
  tagseal verify $REGISTRY/team/app:1.0
  tagseal list $REGISTRY/team/app

Ctrl-C ends it.
`;
}

interface Place {
  readonly directory: string;
  readonly ports: Ports;
}

async function demonstrate(what: "attacks" | "incident", { directory, ports }: Place, io: Io): Promise<number> {
  const { startSandbox } = await import("../../sandbox/sandbox.ts");
  const clocks = new DemoClocks(io.now);
  const sandbox = await startSandbox({ directory, ...ports, now: clocks.server });
  const environment = { ...io.env, ...sandbox.environment };
  const stage: IncidentStage = {
    sandbox,
    directory,
    run: (argv, env = {}) => runInside(argv, { ...environment, ...env }, io, clocks.client),
    startGateway: async (words) => await gatewayInside(words, environment, io),
    say: (kind: LineKind, line: string) => io.stdout.write(dressed(kind, line, io)),
    setClientClock: (offsetMs) => clocks.setClient(offsetMs),
    setServerClock: (clock) => clocks.setServer(clock),
  };
  try {
    const happened =
      what === "incident"
        ? await (await import("../../sandbox/incident.ts")).playIncident(stage)
        : await (await import("../../sandbox/demo.ts")).playDemo(stage);
    return happened ? 0 : 1;
  } finally {
    await sandbox.close();
  }
}

/** Runs `tagseal gateway` in this process, as main does, until it is closed. */
async function gatewayInside(words: readonly string[], env: Io["env"], io: Io): Promise<DemoGateway> {
  const { main } = await import("../main.ts");
  const stopping = new AbortController();
  const signal = AbortSignal.any([stopping.signal, io.signal]);
  const inside = captured({ env, signal, now: io.now });
  const listening = Promise.withResolvers<string>();
  const stderr: Output = {
    ...inside.io.stderr,
    write: (text) => {
      const host = /"event":"listening","url":"http:\/\/([^"]+)"/u.exec(String(text))?.[1];
      if (host !== undefined) listening.resolve(host);
    },
  };
  const ended = main(words, { ...inside.io, stderr });
  const failed = ended.then((code) => {
    throw new TagsealError("SERVER_CONFIGURATION", `the gateway ended with exit status ${code}`);
  });
  const host = await Promise.race([listening.promise, failed]);
  const close = async (): Promise<void> => {
    stopping.abort();
    await ended;
  };
  failed.catch(() => undefined);
  return { host, close };
}

/** Runs a command line in this process, as main does, and keeps its output. */
async function runInside(argv: readonly string[], env: Io["env"], io: Io, now: () => Date): Promise<CommandOutcome> {
  io.signal.throwIfAborted();
  const { main } = await import("../main.ts");
  const { io: inner, stdout, stderr } = captured({ env, signal: io.signal, now });
  const exitCode = await main(argv, inner);
  return { exitCode, stdout: stdout(), stderr: stderr() };
}

/** The demonstration's clocks, which jump two weeks ahead to show a freeze. */
class DemoClocks {
  readonly #now: () => Date;
  #clientOffsetMs = 0;
  #serverOffsetMs = 0;
  #serverStoppedAt: Date | undefined;
  readonly client = (): Date => new Date(this.#now().getTime() + this.#clientOffsetMs);
  readonly server = (): Date => this.#serverStoppedAt ?? new Date(this.#now().getTime() + this.#serverOffsetMs);

  constructor(now: () => Date) {
    this.#now = now;
  }

  setClient(offsetMs: number): void {
    this.#clientOffsetMs = offsetMs;
  }

  setServer(clock: "stopped" | { readonly offsetMs: number }): void {
    this.#serverStoppedAt = clock === "stopped" ? this.server() : undefined;
    if (clock !== "stopped") this.#serverOffsetMs = clock.offsetMs;
  }
}
