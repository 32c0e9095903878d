import { resolve } from "node:path";
import { engineVariable } from "../../engine/executable.ts";
import { UsageError } from "../../errors.ts";
import { defineCommand } from "../command.ts";
import type { Finding, Level } from "../doctor/finding.ts";
import { trustDirectoryOf } from "../open/directories.ts";
import { withPolicySwitch } from "../open/policy-files.ts";
import { parseProbedEngine, probedEngines } from "../doctor/probed-engines.ts";
import type { Io } from "../io.ts";
import { jsonOption } from "../options/output-flags.ts";
import { writeJson } from "../output/write-json.ts";

/** containerd's own default. */
const usualContainerdConfig = "/etc/containerd/config.toml";

/** `tagseal doctor`: is content trust really enforced here? */
export const command = defineCommand(
  {
    path: "doctor",
    usage: "[OPTIONS]",
    summary: "Check whether content trust is enforced on this machine",
    description: [
      "Looks at the switch and where it is set, which docker comes first in PATH and whether that one obeys the switch, the docker-trust plugin, the trust servers, their certificates and their clocks, the protection of private keys, what expires within 90 days, and CI files, compose files and Dockerfiles below the current directory that rely on DOCKER_CONTENT_TRUST or on Docker Hub's trust server. Every finding comes with the command that fixes it. Nothing is changed.",
      "With --node it looks at the engines of this machine instead, as their other clients use them: whether containerd asks Tagseal about every pull and nothing in its configuration avoids that, and whether docker's daemon asks the gate and the gate answers. Both are asked for an image that cannot be signed. Run it as root, which may ask the engines.",
      "With --gateway, it checks a gateway instead: that it answers, and refuses an image with a random name, which cannot be signed. With --engine, it then has the engine pull that image: the gateway's refusal must come back, and nothing else may be asked. containerd's hosts.toml is read, too, since containerd shows the first refusal also when it then asks the registry.",
      "The exit status is 0 when trust is enforced and nothing is broken, warnings or not; else 1.",
    ],
    options: {
      json: jsonOption,
      node: { kind: "switch", help: "Check the gates of containerd and docker's daemon on this machine" },
      "containerd-config": {
        kind: "text",
        value: "file",
        default: usualContainerdConfig,
        complete: "file",
        help: "With --node, the configuration of containerd",
      },
      gateway: { kind: "text", value: "url", help: "Check this gateway, and nothing else" },
      engine: {
        kind: "text",
        value: "engine",
        complete: probedEngines,
        help: "With --gateway: have this engine pull through it: docker, podman or containerd",
      },
      registry: {
        kind: "list",
        value: "registry",
        help: 'With --gateway: a registry that it serves; may be repeated (default "docker.io")',
      },
      "hosts-dir": {
        kind: "text",
        value: "dir",
        complete: "directory",
        help: 'With --engine containerd: its directory of registries (default "/etc/containerd/certs.d")',
      },
    },
    args: { min: 0, max: 0 },
    examples: [
      { text: "is trust enforced here?", line: "tagseal doctor" },
      {
        text: "do the engines of this machine refuse unsigned images from any client?",
        line: "sudo tagseal doctor --node",
      },
      {
        text: "does podman get only what a gateway allows?",
        line: "tagseal doctor --gateway https://gateway.example.com --engine podman --registry registry.example.com",
      },
      { text: "a pipeline that must not run without trust", line: "tagseal doctor --json > doctor.json" },
    ],
    environment: [
      ["DOCKER_CONTENT_TRUST", "the switch to check"],
      ["DOCKER_CONFIG", "docker's configuration directory (default ~/.docker)"],
      ["DOCKER_CONTENT_TRUST_SERVER", "the trust server that is asked; default: those of trusted repositories"],
      ["TAGSEAL_ENGINE", "docker, podman, or the path of the engine to check"],
    ],
  },
  async ({ options }, io) => {
    if (options.node && options.gateway !== undefined)
      throw new UsageError("USAGE", "--node and --gateway cannot be combined");
    if (options.gateway !== undefined) return await gatewayReport({ ...options, gateway: options.gateway }, io);
    if (options.engine !== undefined || options.registry.length > 0 || options["hosts-dir"] !== undefined)
      throw new UsageError("USAGE", "--engine, --registry and --hosts-dir go with --gateway", {
        hint: "Name the gateway: tagseal doctor --gateway URL --engine ENGINE",
      });
    const config = options["containerd-config"] ?? usualContainerdConfig;
    const findings = options.node ? await examineNode(io, config) : await examine(io);
    const enforced = findings.every(({ subject, level }) => level !== "problem" || !enforcing.has(subject));
    if (options.json) writeJson(io, { enforced, findings });
    else io.stdout.write(report(findings, `Content trust is ${enforced ? "" : "NOT "}enforced here.`));
    return findings.some(({ level }) => level === "problem") ? 1 : 0;
  },
);

interface GatewayOptions {
  readonly gateway: string;
  readonly engine: string | undefined;
  readonly registry: readonly string[];
  readonly "hosts-dir": string | undefined;
  readonly json: boolean;
}

async function gatewayReport({ gateway, engine, registry, ...more }: GatewayOptions, io: Io): Promise<number> {
  const { checkGateway } = await import("../doctor/gateway-check.ts");
  const { parseGatewayUrl } = await import("../../gateway/engine-settings/settings-for-engine.ts");
  const findings = await checkGateway(io, {
    gateway: parseGatewayUrl(gateway),
    registries: registry.length > 0 ? [...new Set(registry)] : ["docker.io"],
    engine: engine === undefined ? undefined : parseProbedEngine(engine),
    hostsDir: more["hosts-dir"] ?? "/etc/containerd/certs.d",
  });
  const enforced = findings.every(({ level }) => level !== "problem");
  if (more.json) writeJson(io, { enforced, findings });
  else {
    const who = engine === undefined ? "The gateway refuses" : `The gateway refuses, and ${engine} obeys`;
    io.stdout.write(report(findings, enforced ? `${who}.` : "Content trust is NOT enforced through this gateway."));
  }
  return enforced ? 0 : 1;
}

/** Findings on which it depends whether trust is enforced at all. */
const enforcing: ReadonlySet<string> = new Set(["switch", "engine", "path", "containerd", "docker-daemon"]);

async function examineNode(io: Io, containerdConfig: string): Promise<readonly Finding[]> {
  const { checkNode } = await import("../doctor/node-check.ts");
  return await checkNode(io, containerdConfig);
}

async function examine(io: Io): Promise<readonly Finding[]> {
  const { checkSwitch } = await import("../doctor/switch-check.ts");
  const { checkEngine } = await import("../doctor/engine-check.ts");
  const { checkServers } = await import("../doctor/server-check.ts");
  const { checkKeys } = await import("../doctor/key-check.ts");
  const { checkLinkedKeys } = await import("../doctor/linked-key-check.ts");
  const { checkExpiry } = await import("../doctor/expiry-check.ts");
  const { rememberedGuns } = await import("../../trust/trust-directory/remembered-files.ts");
  const { checkDockerHub } = await import("../doctor/docker-hub-check.ts");
  const { checkProject } = await import("../doctor/project-check.ts");
  const { checkConfiguration } = await import("../doctor/docker-config-check.ts");
  const configuration = await checkConfiguration(io);
  const wanted = io.env[engineVariable] ?? configuration.engine;
  const guns = rememberedGuns(trustDirectoryOf(io));
  const checks = [
    checkSwitch(io),
    checkEngine(io, wanted),
    guns.then(async (names) => await checkServers(io, names)),
    checkKeys(io),
    checkLinkedKeys(io),
    checkExpiry(io),
    checkProject(io, resolve(".")),
    guns.then(async (names) => await checkDockerHub(withPolicySwitch(io), names, resolve("."))),
  ];
  return [...configuration.findings, ...(await Promise.all(checks)).flat()];
}

const order: readonly Level[] = ["problem", "warning", "ok"];
const marks: Readonly<Record<Level, string>> = { problem: "problem", warning: "warning", ok: "ok     " };
/** The most findings of one kind, so that everything fits on one screen; --json has all. */
const maxOfAKind = 3;

function report(findings: readonly Finding[], headline: string): string {
  const lines = order.flatMap((level) => grouped(findings.filter((finding) => finding.level === level)));
  return `${headline}\n\n${lines.join("\n")}\n`;
}

function grouped(findings: readonly Finding[]): string[] {
  const kinds = Map.groupBy(findings, ({ subject }) => subject);
  return [...kinds.values()].flatMap((kind) => {
    const lines = kind.slice(0, maxOfAKind).flatMap(shown);
    const more = kind.length - maxOfAKind;
    if (more > 0) lines.push(`           … and ${more} more of this kind: tagseal doctor --json`);
    return lines;
  });
}

function shown({ level, message, fix }: Finding): string[] {
  const first = `${marks[level]}  ${message}`;
  return fix === undefined ? [first] : [first, `           ${fix}`];
}
