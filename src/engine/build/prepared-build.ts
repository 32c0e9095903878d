/** From what the user asked to build to what the engine is asked to build: the same files, and a Dockerfile in which every image is a digest. */
import { createReadStream } from "node:fs";
import { basename, join } from "node:path";
import { UsageError } from "../../errors.ts";
import { HttpClient } from "../../registry/http-client.ts";
import { findPackedDockerfile, replacePackedDockerfile } from "./archive-context.ts";
import type { TrustedDockerfile } from "./base-images.ts";
import { type BuildContext, readContext } from "./build-context.ts";
import { checkOut, parseGitSource } from "./git-context.ts";
import { findPackableContext, packContext, packedName } from "./classic-context.ts";
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
import type { PrivateDirectory } from "./private-directory.ts";
import { DockerfileRefused } from "./refused.ts";
import { type Spooled, spool } from "./spool.ts";
import type { EngineKind } from "../command-line/invocation.ts";
import type { Env } from "../trust-switch.ts";

/** What the user asked for. */
export interface BuildRequest {
  readonly kind: EngineKind;
  /** the operand: a directory, a URL, `-` */
  readonly context: string;
  /** value of `-f` */
  readonly file: string | undefined;
  readonly env: Env;
  /** whether `BUILDKIT_CONTEXT_KEEP_GIT_DIR` is on */
  readonly keepsGitDirectory: boolean;
  readonly signal?: AbortSignal | undefined;
  /** this process's standard input */
  readonly input: () => AsyncIterable<Uint8Array>;
  /** whether docker's classic builder will do it */
  readonly isClassic: () => Promise<boolean>;
  /** where temporary files go; whoever makes it removes it */
  readonly directory: PrivateDirectory;
  /** puts a Dockerfile under content trust; `name` is for messages */
  readonly trust: (bytes: Uint8Array, name: string) => Promise<TrustedDockerfile>;
}

/** What the engine is asked for. */
export interface PreparedBuild {
  readonly context: string;
  readonly file: string | undefined;
  /** what the engine reads on its standard input, unless it is ours */
  readonly input: { readonly file: string } | undefined;
  readonly dockerfile: TrustedDockerfile;
}

const inputName = "Dockerfile";
const maxInputBytes = 16 * 1024 * 1024;

/**
 * Finds the Dockerfile, puts it under content trust, and arranges that the engine gets this one.
 *
 * @throws UsageError `USAGE`, `FILE_UNREADABLE`, `DOCKERFILE_REFUSED`; NetworkError for remote contexts; and as `trust` throws
 */
export async function prepareBuild(request: BuildRequest): Promise<PreparedBuild> {
  const { file, kind } = request;
  if (kind === "podman" && file !== undefined && isRemote(file)) return await withRemoteDockerfile(request, file);
  const context = await readContext(request.context);
  if (request.file === "-") return await fromInput(request, context);
  if (context.kind === "directory") return await fromDirectory(request, context.path);
  if (context.kind === "input") return await fromStream(request, request.input(), inputName);
  if (context.kind === "url") return await fromUrl(request, context.url);
  const { env, signal, keepsGitDirectory, directory } = request;
  const root = await checkOut(parseGitSource(context.url), { env, signal, keepsGitDirectory, directory });
  return await fromCheckout(request, root);
}

/** `-f -`: the context stays whatever it is, because an engine takes nothing but files from it. */
async function fromInput(request: BuildRequest, { kind }: BuildContext): Promise<PreparedBuild> {
  if (kind === "input") {
    throw new UsageError("USAGE", "invalid argument: can't use stdin for both build context and dockerfile");
  }
  const dockerfile = await request.trust(await collect(request.input()), inputName);
  if (request.kind === "podman") {
    const file = await placePackedDockerfile({ name: inputName, bytes: dockerfile.bytes }, request.directory);
    return { context: request.context, file, input: undefined, dockerfile };
  }
  return { context: request.context, file: "-", input: await asInput(dockerfile, request), dockerfile };
}

async function fromDirectory(request: BuildRequest, path: string): Promise<PreparedBuild> {
  if (request.file !== undefined && isRemote(request.file)) return await withRemoteDockerfile(request, request.file);
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

function isRemote(file: string): boolean {
  return /^https?:\/\//i.test(file);
}

/** `-f https://…`, which buildx and podman fetch. */
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
  if (request.file !== undefined) {
    throw new UsageError("USAGE", "ambiguous Dockerfile source: both stdin and flag correspond to Dockerfiles");
  }
  const dockerfile = await request.trust(await collect(createReadStream(file)), name);
  if (request.kind === "podman") return await withoutFiles(dockerfile, request);
  return { context: "-", file: undefined, input: await asInput(dockerfile, request), dockerfile };
}

/** podman's context then is a directory with this file in it and nothing else. */
async function withoutFiles(dockerfile: TrustedDockerfile, { directory }: BuildRequest): Promise<PreparedBuild> {
  const context = await directory.subdirectory("context");
  const file = await directory.write(join(basename(context), inputName), dockerfile.bytes);
  return { context, file, input: undefined, dockerfile };
}

/** A file and not a pipe: podman opens its standard input by name. */
async function asInput({ bytes }: TrustedDockerfile, { directory }: BuildRequest): Promise<{ readonly file: string }> {
  return { file: await directory.write("input", bytes) };
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

async function collect(input: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of input) {
    length += chunk.length;
    if (length > maxInputBytes) throw new DockerfileRefused(`the Dockerfile has more than ${maxInputBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** A context is as trustworthy as whoever names its address; the images it names are checked like any others. */
async function fetched<T>(
  url: URL,
  { env, signal }: BuildRequest,
  use: (body: AsyncIterable<Uint8Array>) => Promise<T>,
): Promise<T> {
  const http = new HttpClient({ proxyEnv: env, allowPlainHttp: true });
  try {
    const response = await http.request({ method: "GET", url, ...(signal === undefined ? {} : { signal }) });
    if (response.status === 200) return await use(response.body);
    response.discard();
    throw new UsageError(
      "USAGE",
      `unable to download remote context ${url.href}: failed to GET ${url.href} with status ${response.status}`,
    );
  } finally {
    http.close();
  }
}
