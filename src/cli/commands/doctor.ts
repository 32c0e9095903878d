import { resolve } from "node:path";
import { engineVariable } from "../../engine/executable.ts";
import { defineCommand } from "../command.ts";
import type { Finding, Level } from "../doctor/finding.ts";
import { trustDirectoryOf } from "../open/directories.ts";
import { withPolicySwitch } from "../open/policies.ts";
import type { Io } from "../io.ts";
import { jsonOption } from "../options/output-flags.ts";
import { writeJson } from "../output/write-json.ts";

/** `tagseal doctor`: is content trust really enforced here? */
export const command = defineCommand(
  {
    path: "doctor",
    usage: "[OPTIONS]",
    summary: "Check whether content trust is enforced on this machine",
    description: [
      "Looks at the switch and where it is set, which docker comes first in PATH and whether that one obeys the switch, the docker-trust plugin, the trust servers, their certificates and their clocks, the protection of private keys, what expires within 90 days, and CI files, compose files and Dockerfiles below the current directory that rely on DOCKER_CONTENT_TRUST or on Docker Hub's trust server. Every finding comes with the command that fixes it. Nothing is changed.",
      "The exit status is 0 when trust is enforced and nothing is broken, warnings or not; else 1.",
    ],
    options: { json: jsonOption },
    args: { min: 0, max: 0 },
    examples: [
      { text: "is trust enforced here?", line: "tagseal doctor" },
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
    const findings = await examine(io);
    const enforced = findings.every(({ subject, level }) => level !== "problem" || !enforcing.has(subject));
    if (options.json) writeJson(io, { enforced, findings });
    else io.stdout.write(report(findings, enforced));
    return findings.some(({ level }) => level === "problem") ? 1 : 0;
  },
);

/** Findings on which it depends whether trust is enforced at all. */
const enforcing: ReadonlySet<string> = new Set(["switch", "engine", "path"]);

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

function report(findings: readonly Finding[], enforced: boolean): string {
  const headline = enforced ? "Content trust is enforced here." : "Content trust is NOT enforced here.";
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
