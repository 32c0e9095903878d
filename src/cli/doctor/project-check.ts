/** Files of the project in the current directory that rely on DOCKER_CONTENT_TRUST where it may be ignored. */
import { join } from "node:path";
import type { Io } from "../io.ts";
import { type CiSystem, ciSystemOf, installShim } from "./ci-system.ts";
import { type Finding, shellPath, warning } from "./finding.ts";
import { filesBelow, projectText } from "./project-files.ts";

const composeFile = /(?:^|\/)(?:docker-)?compose[^/]*\.ya?ml$/u;
const usesVariable = /\bDOCKER_CONTENT_TRUST\b/u;

/** Searches the tree below `directory`, up to a reasonable size. */
export async function checkProject(io: Io, directory: string): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const file of await filesBelow(directory)) {
    const isCompose = composeFile.test(file);
    const system = ciSystemOf(file);
    if (!isCompose && system === undefined) continue;
    if (!usesVariable.test(projectText(join(directory, file)))) continue;
    const name = shellPath(file, io.env["HOME"]);
    findings.push(system === undefined ? composeFinding(name) : pipelineFinding(name, system));
  }
  return findings;
}

/** The shim takes effect in the following steps, so doctor gets its place in the step that installs it. */
function pipelineFinding(file: string, { place, lasting }: CiSystem): Finding {
  return warning(
    "continuous-integration",
    `${file} relies on DOCKER_CONTENT_TRUST, which docker 29 ignores`,
    `${place} ${file}: ${installShim(lasting)} && ${lasting.isNow === true ? "" : 'PATH="$HOME/bin:$PATH" '}tagseal doctor`,
  );
}

function composeFinding(file: string): Finding {
  return warning(
    "compose",
    `${file} relies on DOCKER_CONTENT_TRUST, which docker compose has never heeded; with Tagseal in front, its images are checked`,
    `DOCKER_CONTENT_TRUST=1 docker compose -f ${file} up`,
  );
}
