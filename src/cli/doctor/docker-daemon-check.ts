/** Whether docker's daemon on this machine asks Tagseal about every request of every client. */
import { isAtLeast } from "../../engine/api/docker-api.ts";
import type { EngineConnection } from "../../engine/api/engine-connection.ts";
import { type EngineReport, engineReport, refusesPull } from "../../engine/api/engine-report.ts";
import { NetworkError } from "../../errors.ts";
import { connectHere } from "../gate/docker-judge.ts";
import type { Io } from "../io.ts";
import { type Finding, ok, problem, warning } from "./finding.ts";

const configure = `write { "authorization-plugins": ["tagseal"] } into /etc/docker/daemon.json, and restart docker`;
const start = "systemctl restart tagseal-gate-docker";
/** Since this one, BuildKit's gRPC is on the socket, and the daemon asks no plugin about it. */
const ungatedApi = "1.53";

/** Asks the daemon; nothing is found where there is none. */
export async function checkDockerDaemon(io: Io): Promise<readonly Finding[]> {
  const connection = await connectHere(io);
  try {
    return await judged(connection, await engineReport(connection));
  } catch (error) {
    if (!(error instanceof NetworkError)) throw error;
    if (error.code === "ENGINE_UNREACHABLE")
      return error.message.startsWith("permission denied")
        ? [problem("docker-daemon", error.message, "sudo tagseal doctor --node")]
        : [];
    return [problem("docker-daemon", `the daemon refuses to be examined: ${error.message}`, start)];
  }
}

async function judged(connection: EngineConnection, report: EngineReport): Promise<readonly Finding[]> {
  const { version, apiVersion, plugins } = report;
  const named = `docker's daemon ${version}`;
  if (!plugins.some((name) => name.startsWith("tagseal")))
    return [problem("docker-daemon", `${named} asks no gate: every client can start unsigned images`, configure)];
  if (!(await refusesPull(connection, "tagseal.invalid/probe", "unsigned")))
    return [
      problem("docker-daemon", `the gate of ${named} allows an image that cannot be signed`, "tagseal policy show"),
    ];
  return [
    ok("docker-daemon", `${named} asks Tagseal, which refuses what is not signed`),
    ...(isAtLeast(apiVersion, ungatedApi)
      ? [
          warning(
            "docker-daemon",
            `${named} serves BuildKit's gRPC on its socket without asking plugins, so clients can build from unsigned images`,
            "keep clients that may not build from the socket",
          ),
        ]
      : []),
    ...holes(version),
  ];
}

/** CVE-2024-41110 and CVE-2026-34040: requests that reach plugins without their body. The gate refuses these. */
function holes(version: string): readonly Finding[] {
  const isOld = version === "" || !isAtLeast(version, "29.3") || /^29\.3\.0\b/u.test(version);
  if (!isOld) return [];
  return [
    warning(
      "docker-daemon",
      `docker's daemon ${version} hides some requests from plugins`,
      "update docker to 29.3.1 or newer",
    ),
  ];
}
