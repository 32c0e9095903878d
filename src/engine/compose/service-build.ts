/** The build of a service: read as the flags of `docker buildx build`, checked by the gate of builds, and written back. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { isJsonObject, type JsonObject, jsonObject, type JsonValue } from "../../encoding/json.ts";
import { type EngineInvocation, flagValue, isFlagOn, parseInvocation } from "../command-line/invocation.ts";
import { readContext } from "../image-build/build-context.ts";
import type { TrustedBuild } from "../image-build/build-image.ts";
import { startsScanner } from "../image-build/buildkit-image-flags.ts";
import type { PrivateDirectory } from "../image-build/private-directory.ts";
import { ComposeRefused } from "./compose-refused.ts";
import { textOf } from "./service-images.ts";

/** A build as `docker buildx build` would be asked for it. */
export interface RequestedBuild {
  readonly invocation: EngineInvocation;
  readonly context: string;
  /** a Dockerfile that is in the project */
  readonly inline: string | undefined;
}

/** Members of a build that neither name an image nor add to the Dockerfile, and those that are read here. */
const known: ReadonlySet<string> = new Set(
  `additional_contexts args cache_from cache_to context dockerfile dockerfile_inline entitlements extra_hosts isolation labels network
  no_cache no_cache_filter platforms privileged provenance pull sbom secrets shm_size ssh tags target ulimits`.split(
    /\s+/u,
  ),
);

const servicePrefix = "service:";

/** The services that the build of a service takes files from. */
export function contextServices(service: JsonObject): readonly string[] {
  const build = service["build"];
  const contexts = isJsonObject(build) ? build["additional_contexts"] : undefined;
  return Object.values(isJsonObject(contexts) ? contexts : {}).flatMap((value) =>
    typeof value === "string" && value.startsWith(servicePrefix) ? [value.slice(servicePrefix.length)] : [],
  );
}

/**
 * Reads the build of a service.
 *
 * @param line the compose line, whose own flags of builds count for every service
 * @throws ComposeRefused for what is not understood
 */
export async function requestedBuild(service: JsonObject, line: EngineInvocation): Promise<RequestedBuild> {
  const build = buildOf(service);
  const other = Object.keys(build).find((name) => !known.has(name) && !name.startsWith("x-"));
  if (other !== undefined) throw new ComposeRefused(`build.${other} may bring in images that are not checked`);
  refuseScanners(build);
  const context = plain(textOf(build["context"] ?? ".", "build.context"));
  const inline = build["dockerfile_inline"];
  const file = inline === undefined || inline === "" ? await fileOf(build, context) : "-";
  const flags = [
    ...values(build, "args").map(([name, value]) => `--build-arg=${name}=${value}`),
    ...givenArguments(line),
    ...values(build, "additional_contexts").map(([name, value]) => `--build-context=${name}=${plain(filesOf(value))}`),
    ...texts(build, "cache_from").map((text) => `--cache-from=${plain(text)}`),
    ...platformsOf(build, service).map((text) => `--platform=${text}`),
    ...optional("target", build["target"]),
    ...optional("builder", flagValue(line, "builder")),
    ...(isFlagOn(line, "allow-local") ? ["--allow-local"] : []),
    `--file=${file}`,
  ];
  const invocation = await parseInvocation([...line.globalArgs, "buildx", "build", ...flags, "--", context], "docker");
  return { invocation, context, inline: file === "-" ? textOf(inline, "build.dockerfile_inline") : undefined };
}

/** compose hands both to buildx as they are. */
function refuseScanners(build: JsonObject): void {
  for (const name of ["sbom", "provenance"] as const) {
    const value = build[name] ?? "";
    if (value === "") continue;
    const text = typeof value === "boolean" ? String(value) : plain(textOf(value, `build.${name}`));
    if (startsScanner(name, text))
      throw new ComposeRefused(`build.${name} starts a scanner from an image that is not checked`);
  }
}

function buildOf({ build }: JsonObject): JsonObject {
  if (!isJsonObject(build)) throw new ComposeRefused("its build is not understood");
  return build;
}

/** compose looks in the context; `docker build -f` looks in the working directory. */
async function fileOf(build: JsonObject, context: string): Promise<string> {
  const file = textOf(build["dockerfile"] ?? "Dockerfile", "build.dockerfile");
  const { kind } = await readContext(context);
  return kind === "directory" && !file.startsWith("/") ? join(context, file) : file;
}

/** `--build-arg`: with a value, because compose would take one that is missing from its own environment. */
function givenArguments(line: EngineInvocation): readonly string[] {
  const given = line.flags.get("build-arg") ?? [];
  const bare = given.find((text) => !text.includes("="));
  if (bare !== undefined)
    throw new ComposeRefused(`--build-arg ${bare} has no value`, `Write the value: --build-arg ${bare}=VALUE`);
  return given.map((text) => `--build-arg=${plain(text.slice(0, text.indexOf("=")))}${text.slice(text.indexOf("="))}`);
}

/** What another service builds is checked there; here it is a directory of files. */
function filesOf(value: string): string {
  return value.startsWith(servicePrefix) ? "." : value;
}

function platformsOf(build: JsonObject, service: JsonObject): readonly string[] {
  const platforms = texts(build, "platforms");
  if (platforms.length > 0) return platforms;
  return service["platform"] === undefined ? [] : [textOf(service["platform"], "platform")];
}

function optional(flag: string, value: JsonValue | undefined): readonly string[] {
  return value === undefined || value === "" ? [] : [`--${flag}=${plain(textOf(value, `build.${flag}`))}`];
}

function texts(build: JsonObject, name: string): readonly string[] {
  const value = build[name];
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw new ComposeRefused(`build.${name} of it is not understood`);
  return value.map((one) => textOf(one, `build.${name}`));
}

/** What buildx takes for the beginning of a template when compose hands the build on. */
const template = /[$%]\{/u;

/** @throws ComposeRefused for a text that buildx would read in another way */
function plain(text: string): string {
  if (!template.test(text)) return text;
  throw new ComposeRefused(`its build has ${JSON.stringify(text)}, which buildx reads as a template`);
}

/** Members without a value are left out: compose found none for them. */
function values(build: JsonObject, name: string): readonly (readonly [string, string])[] {
  const value = build[name];
  if (value === undefined || value === null) return [];
  if (!isJsonObject(value)) throw new ComposeRefused(`build.${name} of it is not understood`);
  return Object.entries(value).flatMap(([key, one]) =>
    one === null ? [] : [[plain(key), textOf(one, `build.${name}`)] as const],
  );
}

/** The build for compose: the checked Dockerfile, and digests where images were named. */
export function checkedBuild(
  service: JsonObject,
  { invocation }: RequestedBuild,
  { prepared, changed }: TrustedBuild,
  directory: PrivateDirectory,
): JsonObject {
  if (prepared.input !== undefined || prepared.file === undefined)
    throw new ComposeRefused(
      "its build context is an archive, which compose cannot be given",
      "Unpack it into a directory.",
    );
  const build = buildOf(service);
  const given = new Map([...invocation.flags, ...changed]);
  const contexts = values(build, "additional_contexts");
  const named = (given.get("build-context") ?? []).map((text, index): [string, string] => {
    const [name = "", written = ""] = contexts[index] ?? [];
    return [name, written.startsWith(servicePrefix) ? written : text.slice(name.length + 1)];
  });
  const text = plainText(prepared.dockerfile.bytes, prepared.file);
  // buildx reads files only below directories that are named to it
  if (text === undefined) named.push(["tagseal-dockerfile", directory.path()]);
  const members = Object.entries(build).filter(([name]) => name !== "dockerfile_inline" && name !== "dockerfile");
  return {
    ...jsonObject(members),
    context: prepared.context,
    ...(text === undefined ? { dockerfile: prepared.file } : { dockerfile_inline: text }),
    args: jsonObject((given.get("build-arg") ?? []).map(nameAndValue)),
    cache_from: [...(given.get("cache-from") ?? [])],
    additional_contexts: jsonObject(named),
  };
}

/**
 * A Dockerfile that can be in the project itself, which every BuildKit takes; one in another directory needs that of docker 23.
 *
 * @returns undefined when buildx could read something else in it, or when an ignore file belongs to it
 */
function plainText(bytes: Buffer, file: string): string | undefined {
  const text = bytes.toString("utf8");
  const isPlain = !template.test(text) && Buffer.from(text).equals(bytes) && !existsSync(`${file}.dockerignore`);
  return isPlain ? text : undefined;
}

function nameAndValue(text: string): [string, string] {
  const equals = text.indexOf("=");
  return [text.slice(0, equals), text.slice(equals + 1)];
}
