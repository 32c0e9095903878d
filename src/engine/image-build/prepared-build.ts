/** Turns the user's build into the engine's: the same files, and a Dockerfile in which every image is a digest. */
import { createReadStream } from "node:fs";
import { basename, join } from "node:path";
import { findPackedDockerfile } from "./archive-context.ts";
import { replacePackedDockerfile } from "./archive-rewriting.ts";
import type { TrustedDockerfile } from "./base-images.ts";
import { type BuildContext, readContext } from "./build-context.ts";
import type { BuildRequest, PreparedBuild } from "./build-request.ts";
import { findPackableContext, packContext } from "./classic-context.ts";
import { givenDockerfile, inputName, isRemote, stdinTwice, twoDockerfiles, withGiven } from "./given-dockerfile.ts";
import {
  findDockerfile,
  findFile,
  type FoundDockerfile,
  isInside,
  placeDockerfile,
  placePackedDockerfile,
  refuseOutside,
  refuseTemplate,
} from "./local-dockerfile.ts";
import { packedName } from "./packed-name.ts";
import { checkedOut, collect, fetched } from "./remote-files.ts";
import { type Spooled, spool } from "./spool.ts";

/**
 * Finds the Dockerfile, puts it under content trust, and makes the engine use the result.
 *
 * @throws UsageError `USAGE`, `FILE_UNREADABLE`, `DOCKERFILE_REFUSED`; NetworkError for remote contexts; and the errors of `trust`
 */
export async function prepareBuild(request: BuildRequest): Promise<PreparedBuild> {
  const { file, kind } = request;
  if (kind === "podman" && file !== undefined && isRemote(file)) return await withRemoteDockerfile(request, file);
  const context = await readContext(request.context);
  const given = kind === "podman" ? undefined : await givenDockerfile(request, context);
  if (given !== undefined) return await withGiven(request, context, given);
  if (request.file === "-") return await fromInput(request, context);
  if (context.kind === "directory") return await fromDirectory(request, context.path);
  if (context.kind === "input") return await fromStream(request, request.input(), inputName);
  if (context.kind === "url") return await fromUrl(request, context.url);
  return await fromCheckout(request, await checkedOut(request, context.url));
}

/** podman's `-f -`: the context stays as it is, because podman then takes only files from it. */
async function fromInput(request: BuildRequest, { kind }: BuildContext): Promise<PreparedBuild> {
  if (kind === "input") throw stdinTwice();
  const dockerfile = await request.trust(await collect(request.input()), inputName);
  const file = await placePackedDockerfile({ name: inputName, bytes: dockerfile.bytes }, request.directory);
  return { context: request.context, file, input: undefined, dockerfile };
}

async function fromDirectory(request: BuildRequest, path: string): Promise<PreparedBuild> {
  const found = await findDockerfile(path, request.file, request.kind);
  const dockerfile = await request.trust(found.bytes, found.name);
  const packable =
    (await isInside(path, found.path)) && (await request.isClassic()) ? await findPackableContext(path) : undefined;
  if (packable !== undefined) {
    const target = join(request.directory.path(), "context.tar");
    await packContext(packable, dockerfile.bytes, target);
    return { context: "-", file: packedName, input: { file: target }, dockerfile };
  }
  const file = await placeDockerfile(found, dockerfile.bytes, request.directory);
  return { context: request.context, file, input: undefined, dockerfile };
}

/** podman's `-f https://…`. */
async function withRemoteDockerfile(request: BuildRequest, url: string): Promise<PreparedBuild> {
  refuseTemplate(url, request.kind);
  const bytes = await fetched(new URL(url), request, collect);
  const dockerfile = await request.trust(bytes, url);
  const file = await request.directory.write("Dockerfile", dockerfile.bytes);
  return { context: request.context, file, input: undefined, dockerfile };
}

async function fromCheckout(request: BuildRequest, root: string): Promise<PreparedBuild> {
  const found = (await ownDockerfile(request)) ?? (await checkedOutDockerfile(request, root));
  const dockerfile = await request.trust(found.bytes, found.name);
  const file = await placeDockerfile(found, dockerfile.bytes, request.directory);
  return { context: root, file, input: undefined, dockerfile };
}

/** podman looks for the file of `-f` in the working directory first, whatever the context is. */
async function ownDockerfile({ file, kind }: BuildRequest): Promise<FoundDockerfile | undefined> {
  return kind === "podman" && file !== undefined ? await findFile(file, kind) : undefined;
}

async function checkedOutDockerfile({ file, kind }: BuildRequest, root: string): Promise<FoundDockerfile> {
  const found = await findDockerfile(root, file === undefined ? undefined : join(root, file), kind);
  const name = found.path.slice(root.length + 1);
  await refuseOutside(root, found.path, name);
  return { ...found, name };
}

async function fromUrl(request: BuildRequest, url: URL): Promise<PreparedBuild> {
  const spooled = await fetched(url, request, (body) => spool(body, request.directory, url.href));
  return await fromSpool(request, spooled, url.href);
}

async function fromStream(
  request: BuildRequest,
  input: AsyncIterable<Uint8Array>,
  name: string,
): Promise<PreparedBuild> {
  return await fromSpool(request, await spool(input, request.directory, "standard input"), name);
}

async function fromSpool(request: BuildRequest, { file, kind }: Spooled, name: string): Promise<PreparedBuild> {
  if (kind === "archive") return await fromArchive(request, file);
  if (request.file !== undefined) throw twoDockerfiles();
  return await withoutFiles(await request.trust(await collect(createReadStream(file)), name), request);
}

/**
 * A Dockerfile without a context: for podman and docker's classic builder a directory with this file in it, for BuildKit an empty one, so that the
 * engine does not have to distinguish it from an archive.
 */
async function withoutFiles(dockerfile: TrustedDockerfile, request: BuildRequest): Promise<PreparedBuild> {
  const { kind, directory } = request;
  const context = await directory.subdirectory("context");
  const isInContext = kind === "podman" || (await request.isClassic());
  const file = await directory.write(isInContext ? join(basename(context), inputName) : inputName, dockerfile.bytes);
  return { context, file, input: undefined, dockerfile };
}

async function fromArchive(request: BuildRequest, file: string): Promise<PreparedBuild> {
  if (request.kind === "podman") return await fromPodmansArchive(request, file);
  const packed = await findPackedDockerfile(file, request.file, request.kind);
  const dockerfile = await request.trust(packed.bytes, packed.name);
  const target = join(request.directory.path(), "rewritten.tar");
  await replacePackedDockerfile(file, target, { name: packed.name, bytes: dockerfile.bytes });
  return { context: "-", file: packed.name, input: { file: target }, dockerfile };
}

/**
 * podman looks for a relative path in the working directory before it looks into the archive, so that it gets an absolute one; the archive
 * stays as it is.
 */
async function fromPodmansArchive(request: BuildRequest, archive: string): Promise<PreparedBuild> {
  const own = await ownDockerfile(request);
  const found = own ?? (await findPackedDockerfile(archive, request.file, request.kind));
  const dockerfile = await request.trust(found.bytes, found.name);
  const placed = { ...found, bytes: dockerfile.bytes };
  const file =
    own === undefined
      ? await placePackedDockerfile(placed, request.directory)
      : await placeDockerfile(own, dockerfile.bytes, request.directory);
  return { context: "-", file, input: { file: archive }, dockerfile };
}
