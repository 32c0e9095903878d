/** docker's Dockerfiles outside the context: from standard input, a URL, or a local file with a remote context. */
import { isAbsolute, join } from "node:path";
import { UsageError } from "../../errors.ts";
import { addPackedDockerfile } from "./archive-rewriting.ts";
import type { TrustedDockerfile } from "./base-images.ts";
import type { BuildContext } from "./build-context.ts";
import type { BuildRequest, PreparedBuild } from "./build-request.ts";
import { findFile, type FoundDockerfile, placeDockerfile, placePackedDockerfile } from "./local-dockerfile.ts";
import { checkedOut, collect, fetched } from "./remote-files.ts";
import { spool } from "./spool.ts";

/** The name of a Dockerfile without a name. */
export const inputName = "Dockerfile";

/** A Dockerfile outside the context. */
export type GivenDockerfile = Omit<FoundDockerfile, "path"> & {
  /** its path, when it is a local file */
  readonly path?: string;
};

/**
 * What docker takes for the Dockerfile without looking into the context: standard input, a URL, and with a remote context a
 * local file that `-f` names by its absolute path.
 */
export async function givenDockerfile(
  request: BuildRequest,
  context: BuildContext,
): Promise<GivenDockerfile | undefined> {
  const { file, kind } = request;
  if (file === undefined) return undefined;
  if (file === "-") {
    if (context.kind === "input") throw stdinTwice();
    return { name: inputName, bytes: await collect(request.input()) };
  }
  if (isRemote(file)) return { name: file, bytes: await fetched(new URL(file), request, collect) };
  const isElsewhere = context.kind === "git" || context.kind === "url";
  return isElsewhere && isAbsolute(file) ? await findFile(file, kind) : undefined;
}

/**
 * The context is fetched here nevertheless: a docker that does not support a Dockerfile outside such a context would use the file of that name in it.
 */
export async function withGiven(
  request: BuildRequest,
  context: BuildContext,
  { name, path, bytes }: GivenDockerfile,
): Promise<PreparedBuild> {
  const { directory } = request;
  const dockerfile = await request.trust(bytes, name);
  if (context.kind === "input" || context.kind === "url") return await besideArchive(request, context, dockerfile);
  const file =
    path === undefined
      ? await placePackedDockerfile({ name: inputName, bytes: dockerfile.bytes }, directory)
      : await placeDockerfile({ name, path, bytes }, dockerfile.bytes, directory);
  const root = context.kind === "git" ? await checkedOut(request, context.url) : request.context;
  return { context: root, file, input: undefined, dockerfile };
}

async function besideArchive(
  request: BuildRequest,
  context: Extract<BuildContext, { kind: "input" | "url" }>,
  dockerfile: TrustedDockerfile,
): Promise<PreparedBuild> {
  const { directory } = request;
  const spooled =
    context.kind === "input"
      ? await spool(request.input(), directory, "standard input")
      : await fetched(context.url, request, (body) => spool(body, directory, context.url.href));
  if (spooled.kind !== "archive") throw twoDockerfiles();
  const target = join(directory.path(), "with-dockerfile.tar");
  const file = await addPackedDockerfile(spooled.file, target, dockerfile.bytes);
  return { context: "-", file, input: { file: target }, dockerfile };
}

/** docker's words for it. */
export function stdinTwice(): UsageError {
  return new UsageError("USAGE", "invalid argument: can't use stdin for both build context and dockerfile");
}

/** docker's words for it. */
export function twoDockerfiles(): UsageError {
  return new UsageError("USAGE", "ambiguous Dockerfile source: both stdin and flag correspond to Dockerfiles");
}

/** Whether `-f` names a URL. */
export function isRemote(file: string): boolean {
  return /^https?:\/\//i.test(file);
}
