/** The calls of docker's engine API that Tagseal uses: inspect an image, push, pull by digest, tag. */
import { NetworkError, UsageError } from "../../errors.ts";
import type { Digest } from "../../reference/digest.ts";
import { parsePlatform } from "../../registry/platform.ts";
import type { EngineMessage } from "../engine-message.ts";
import { malformedAnswer, objectIn, requireSuccess, textMember } from "./engine-answer.ts";
import type { EngineConnection, EngineRequest, EngineResponse } from "./engine-connection.ts";
import { readJsonStream } from "./json-stream.ts";

/** The newest API version known here; an older engine is called in its version. */
const newestVersion = "1.51";
/** The version of engines that report none. */
const oldestVersion = "1.24";

/** The engine's description of an image, as far as it is used here. */
export interface ImageSummary {
  readonly id: string;
  readonly os: string;
  readonly architecture: string;
  readonly variant: string;
}

/** A pull or push under way. */
export interface Transfer {
  /** value of `X-Registry-Auth` */
  readonly auth: string;
  readonly platform?: string | undefined;
  readonly onMessage?: ((message: EngineMessage) => void) | undefined;
}

/** What the engine reports as pushed under a tag. */
export interface PushReport {
  readonly tag: string;
  readonly digest: string;
  readonly size: number;
}

/** Speaks docker's API in the newest version both sides know. */
export class DockerApi {
  readonly #connection: EngineConnection;
  readonly #fixedVersion: string | undefined;
  #negotiated: Promise<string> | undefined;

  /** @param fixedVersion `DOCKER_API_VERSION`: no negotiation */
  constructor(connection: EngineConnection, fixedVersion: string | undefined) {
    this.#connection = connection;
    this.#fixedVersion = fixedVersion === undefined || fixedVersion === "" ? undefined : fixedVersion.replace(/^v/, "");
  }

  /** The version in use, such as `1.41`. */
  async version(): Promise<string> {
    this.#negotiated ??= this.#fixedVersion === undefined ? this.#negotiate() : Promise.resolve(this.#fixedVersion);
    return await this.#negotiated;
  }

  async #negotiate(): Promise<string> {
    const response = await this.#connection.request({ method: "GET", path: "/_ping" });
    response.discard();
    const offered = response.headers["api-version"];
    if (typeof offered !== "string" || !/^\d{1,3}\.\d{1,3}$/.test(offered)) return oldestVersion;
    return isAtLeast(offered, newestVersion) ? newestVersion : offered;
  }

  /** @returns undefined when the engine has no image of this name or ID */
  async inspectImage(name: string): Promise<ImageSummary | undefined> {
    const response = await this.#call({ method: "GET", path: `/images/${pathOf(name)}/json` });
    if (response.status === 404) {
      response.discard();
      return undefined;
    }
    await requireSuccess(response);
    const value = await objectIn(response);
    const [id, os, architecture, variant] = ["Id", "Os", "Architecture", "Variant"].map((member) =>
      textMember(value, member),
    );
    if (id === undefined || !/^sha256:[0-9a-f]{64}$/.test(id)) throw malformedAnswer("an image without an ID");
    return { id, os: os ?? "", architecture: architecture ?? "", variant: variant ?? "" };
  }

  /** @throws NetworkError `ENGINE_ERROR`, also when there is no such image */
  async tagImage(source: string, repository: string, tag: string): Promise<void> {
    const query = new URLSearchParams({ repo: repository, tag });
    const response = await this.#call({ method: "POST", path: `/images/${pathOf(source)}/tag?${query.toString()}` });
    await requireSuccess(response);
    response.discard();
  }

  /** Pulls one manifest or index. Ends only when the engine has it. */
  async pull(repository: string, digest: Digest, transfer: Transfer): Promise<void> {
    const query = new URLSearchParams({ fromImage: repository, tag: digest });
    if (transfer.platform !== undefined && transfer.platform !== "")
      query.set("platform", transfer.platform.toLowerCase());
    await this.#transfer(`/images/create?${query.toString()}`, transfer);
  }

  /**
   * Pushes a tag, or without a tag all of them.
   *
   * @returns what the engine reports as pushed, in its order
   */
  async push(repository: string, tag: string | undefined, transfer: Transfer): Promise<readonly PushReport[]> {
    const query = new URLSearchParams(tag === undefined ? {} : { tag });
    if (transfer.platform !== undefined && transfer.platform !== "")
      query.set("platform", await this.#platform(transfer.platform));
    return await this.#transfer(`/images/${pathOf(repository)}/push?${query.toString()}`, transfer);
  }

  async #platform(text: string): Promise<string> {
    const version = await this.version();
    if (isAtLeast(version, "1.46")) return JSON.stringify(parsePlatform(text));
    throw new UsageError(
      "USAGE",
      `"platform" requires API version 1.46, but the Docker daemon API version is ${version}`,
    );
  }

  async #transfer(path: string, { auth, onMessage }: Transfer): Promise<readonly PushReport[]> {
    const response = await this.#call({ method: "POST", path, headers: { "x-registry-auth": auth } });
    await requireSuccess(response);
    const reports: PushReport[] = [];
    for await (const item of readJsonStream(response.body)) {
      if (item.kind === "error") throw new NetworkError("ENGINE_ERROR", item.message);
      if (item.kind === "message") onMessage?.(item.message);
      else reports.push(...pushReports(item.aux));
    }
    return reports;
  }

  async #call(request: EngineRequest): Promise<EngineResponse> {
    return await this.#connection.request({ ...request, path: `/v${await this.version()}${request.path}` });
  }
}

/** Facts of other kinds (an index of which one platform was pushed, say) are not about a tag. */
function pushReports(aux: Readonly<Record<string, unknown>>): PushReport[] {
  const { Tag: tag, Digest: digest, Size: size } = aux;
  if (typeof tag !== "string" || typeof digest !== "string") return [];
  if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) return [];
  return [{ tag, digest, size }];
}

/** Compares versions of two numbers. */
export function isAtLeast(version: string, wanted: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [wantedMajor = 0, wantedMinor = 0] = wanted.split(".").map(Number);
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}

/** A name becomes part of a URL: nothing in it may end the path or lead elsewhere. The engine wants its slashes as they are. */
export function pathOf(name: string): string {
  if (name.split("/").some((part) => part === "." || part === ".." || part === "")) {
    throw new UsageError("REFERENCE_INVALID", "invalid reference format");
  }
  return encodeURIComponent(name).replaceAll("%2F", "/").replaceAll("%3A", ":").replaceAll("%40", "@");
}
