/** Finds what relies on Docker Hub's trust server, which Docker closes: this machine's settings and trust data, pipelines, Dockerfiles. */
import { join } from "node:path";
import { readDockerfile } from "../../engine/image-build/dockerfile/read-dockerfile.ts";
import { LineRefused } from "../../engine/image-build/dockerfile/refusal.ts";
import { isTrustOn } from "../../engine/trust-switch.ts";
import { hasCode } from "../../errors.ts";
import { dockerHub, familiarReference, parseImageReference } from "../../reference/image-reference.ts";
import { isHubClosed, isHubServer, shutdownNotice } from "../../trust/trust-server/docker-hub.ts";
import type { Io } from "../io.ts";
import { ciSystemOf } from "./ci-system.ts";
import { type Finding, problem, shellPath, warning } from "./finding.ts";
import { filesBelow, projectText } from "./project-files.ts";

const dockerfile = /(?:^|\/)(?:(?:Dockerfile|Containerfile)(?:\.[^/]+)?|[^/]+\.(?:dockerfile|containerfile))$/iu;
const namesServer = /\bDOCKER_CONTENT_TRUST_SERVER\b/u;
const usesTrust = /\bDOCKER_CONTENT_TRUST\b/u;
const namesHub = /\bnotary\.docker\.io\b/u;
const setServer = "export DOCKER_CONTENT_TRUST_SERVER=https://HOST[:PORT]";

/**
 * Looks for what fails once Docker Hub's trust server is gone. Where another trust server is configured, Docker Hub's own is not
 * asked, and only files that name it count.
 *
 * @param guns collections with trust data on this machine
 * @param directory the project to look through
 */
export async function checkDockerHub(io: Io, guns: readonly string[], directory: string): Promise<readonly Finding[]> {
  const configured = io.env["DOCKER_CONTENT_TRUST_SERVER"] ?? "";
  const isReplaced = configured !== "" && !isHubServer(configured);
  const here = isReplaced ? [] : machineFindings(io, configured, guns);
  return [...here, ...(await projectFindings(io, directory, isReplaced))];
}

function machineFindings(io: Io, configured: string, guns: readonly string[]): Finding[] {
  const now = io.now();
  if (configured !== "") {
    const level = isHubClosed(now) ? problem : warning;
    return [level("docker-hub", `DOCKER_CONTENT_TRUST_SERVER is ${configured}; ${shutdownNotice(now)}`, setServer)];
  }
  const [first, ...others] = guns.filter((gun) => gun.startsWith(`${dockerHub}/`)).toSorted();
  if (first === undefined) return [];
  const more = others.length === 0 ? "" : ` and ${others.length} more`;
  return [warning("docker-hub", `${first}${more} was verified from here; ${shutdownNotice(now)}`, setServer)];
}

async function projectFindings(io: Io, directory: string, isReplaced: boolean): Promise<Finding[]> {
  const files = await filesBelow(directory);
  const read = (names: readonly string[]): readonly ProjectFile[] =>
    names.map((name) => ({ shown: shellPath(name, io.env["HOME"]), text: projectText(join(directory, name)) }));
  const inPipelines = read(files.filter((file) => ciSystemOf(file) !== undefined));
  const findings = pipelineFindings(
    inPipelines.filter(({ text }) => reliesOnHub(text)),
    io.now(),
  );
  // A Dockerfile relies on trust only where trust is turned on.
  const isTrusted = isTrustOn(io.env, undefined) || inPipelines.some(({ text }) => usesTrust.test(text));
  if (isReplaced || !isTrusted) return findings;
  const dockerfiles = read(files.filter((file) => dockerfile.test(file)));
  return [...findings, ...dockerfileFindings(dockerfiles, io.now())];
}

interface ProjectFile {
  /** the path as users write it */
  readonly shown: string;
  readonly text: string;
}

/** A pipeline that names the server, or turns trust on and names no server. */
function reliesOnHub(text: string): boolean {
  return namesHub.test(text) || (usesTrust.test(text) && !namesServer.test(text));
}

/** One finding for all of them, so that everything fits on one screen. */
function pipelineFindings(files: readonly ProjectFile[], now: Date): Finding[] {
  const [first] = files;
  if (first === undefined) return [];
  const message = `${listed(files.map(({ shown }) => shown))} asks notary.docker.io about Docker Hub's images; ${shutdownNotice(now)}`;
  return [warning("docker-hub", message, `set in ${first.shown}: DOCKER_CONTENT_TRUST_SERVER=https://HOST[:PORT]`)];
}

/** One finding for all images that only Docker Hub's trust server could have trust data of. */
function dockerfileFindings(files: readonly ProjectFile[], now: Date): Finding[] {
  const relying = files
    .map(({ shown, text }) => ({ shown, images: hubImages(text) }))
    .filter(({ images }) => images.length > 0);
  const images = [...new Set(relying.flatMap(({ images: names }) => names))];
  const [image] = images;
  if (image === undefined) return [];
  const message = `${listed(relying.map(({ shown }) => shown))} builds from ${listed(images)} of Docker Hub; ${shutdownNotice(now)}`;
  return [warning("docker-hub", message, `tagseal sign ${image}@DIGEST with your trust server, or name a mirror`)];
}

function listed([first = "", ...others]: readonly string[]): string {
  return others.length === 0 ? first : `${first} (and ${others.length} more)`;
}

/** Tags of Docker Hub that a Dockerfile names in full. An unreadable file is skipped here: building it reports the reason. */
function hubImages(text: string): string[] {
  try {
    const [{ images, stages }] = readDockerfile(Buffer.from(text).toString("latin1"), "docker");
    const names = images
      .filter(({ position, written }) => position === "from" && !/["'$\\`]/u.test(written))
      .map(({ written }) => written)
      .filter((written) => written !== "scratch" && !stages.includes(written));
    return [...new Set(names.flatMap(hubName))];
  } catch (error) {
    if (error instanceof LineRefused) return [];
    throw error;
  }
}

function hubName(written: string): string[] {
  try {
    const reference = parseImageReference(written);
    const isTag = reference.registry === dockerHub && reference.digest === undefined;
    return isTag ? [familiarReference({ ...reference, tag: reference.tag ?? "latest" })] : [];
  } catch (error) {
    if (hasCode(error, "REFERENCE_INVALID")) return [];
    throw error;
  }
}
