/** Files of the project in the current directory that rely on DOCKER_CONTENT_TRUST where nothing may heed it. */
import { join } from "node:path";
import type { Io } from "../io.ts";
import { type Finding, shellPath, warning } from "./finding.ts";
import { filesBelow, textOf } from "./project-files.ts";

/** Files that describe a pipeline. */
export const pipelines: readonly RegExp[] = [
  /(?:^|\/)\.(?:github|gitea|forgejo)\/workflows\/[^/]+\.ya?ml$/u,
  /(?:^|\/)\.gitlab-ci(?:\.[^/]+)?\.ya?ml$/u,
  /(?:^|\/)\.gitlab\/ci\/.+\.ya?ml$/u,
  /(?:^|\/)Jenkinsfile[^/]*$/u,
  /(?:^|\/)\.circleci\/config\.ya?ml$/u,
  /(?:^|\/)azure-pipelines[^/]*\.ya?ml$/u,
  /(?:^|\/)bitbucket-pipelines\.ya?ml$/u,
  /(?:^|\/)\.(?:travis|drone|woodpecker|cirrus|appveyor)\.ya?ml$/u,
  /(?:^|\/)\.woodpecker\/[^/]+\.ya?ml$/u,
  /(?:^|\/)\.buildkite\/[^/]+\.ya?ml$/u,
  /(?:^|\/)(?:buildspec|cloudbuild)\.ya?ml$/u,
  /(?:^|\/)\.ci\/[^/]+$/u,
  /(?:^|\/)(?:GNUmakefile|[Mm]akefile|Justfile|Taskfile\.ya?ml)$/u,
];
const composeFile = /(?:^|\/)(?:docker-)?compose[^/]*\.ya?ml$/u;
const usesVariable = /\bDOCKER_CONTENT_TRUST\b/u;

/** Looks through the tree below `directory`, as far as a project reasonably goes. */
export async function checkProject(io: Io, directory: string): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const file of await filesBelow(directory)) {
    const isCompose = composeFile.test(file);
    if (!isCompose && !pipelines.some((pattern) => pattern.test(file))) continue;
    if (!usesVariable.test(await textOf(join(directory, file)))) continue;
    findings.push(
      isCompose ? composeFinding(shellPath(file, io.env["HOME"])) : pipelineFinding(shellPath(file, io.env["HOME"])),
    );
  }
  return findings;
}

function pipelineFinding(file: string): Finding {
  return warning(
    "continuous-integration",
    `${file} relies on DOCKER_CONTENT_TRUST, which docker 29 ignores`,
    `put first in ${file}: tagseal install --shim ~/bin && PATH=~/bin:$PATH && tagseal doctor`,
  );
}

function composeFinding(file: string): Finding {
  return warning(
    "compose",
    `${file} relies on DOCKER_CONTENT_TRUST, which docker compose has never heeded`,
    `name images in ${file} by the digest that this prints: tagseal verify IMAGE:TAG`,
  );
}
