/** Requests to one repository of one registry, with its login: which URL, which rights, and what a refusal says. */

import { UsageError } from "../errors.ts";
import { isDigest } from "../reference/digest.ts";
import type { ImageReference } from "../reference/image-reference.ts";
import { isTag } from "../reference/reference-grammar.ts";
import type { HttpResponse } from "../http/client/http-response.ts";
import type { HttpRequest } from "../http/client/http-request.ts";
import { type Connection, type ConnectionOptions, openConnection } from "./registry-connection.ts";
import { type RegistryError, registryError } from "./registry-error.ts";
import { loginHint } from "./unanswered-challenge.ts";

/** Settings of a `RegistryClient`; nothing is read from the process. */
export interface RegistryClientOptions extends ConnectionOptions {
  /** the rights of tokens: `pull` (default), or `push`, which includes it */
  readonly access?: "pull" | "push";
}

/** Connects at the first request. Close it when done. */
export class RepositoryRequests {
  /** the repository's registry, as in a reference */
  readonly registry: string;
  /** the repository's path within it */
  readonly repository: string;
  /** aborts every request */
  readonly signal: AbortSignal | undefined;
  readonly #options: RegistryClientOptions;
  #connection: Promise<Connection> | undefined;

  constructor(reference: Pick<ImageReference, "registry" | "repository">, options: RegistryClientOptions) {
    this.registry = reference.registry;
    this.repository = reference.repository;
    this.signal = options.signal;
    this.#options = options;
  }

  /** Sends a request about one thing: `manifests/latest`. @throws UsageError `REFERENCE_INVALID`; NetworkError as requests do */
  async send(request: Omit<HttpRequest, "url">, path: string): Promise<HttpResponse> {
    const name = path.slice(path.indexOf("/") + 1);
    // the name becomes part of a URL: "../" and "?" would ask for something else
    if (!isTag(name) && !isDigest(name)) {
      throw new UsageError("REFERENCE_INVALID", `${JSON.stringify(name.slice(0, 80))} is neither a tag nor a digest`);
    }
    return await this.sendTo({ ...request, url: await this.urlOf(path) });
  }

  /** Sends a request to a URL, with the rights for this repository and those that `others` names. @throws NetworkError as requests do */
  async sendTo(request: HttpRequest, others: readonly string[] = []): Promise<HttpResponse> {
    const { base, authenticator, http } = await this.#connect();
    const { signal } = this;
    const complete = signal === undefined ? request : { ...request, signal };
    // an upload may continue at another server, which must not get the credentials, even if it asks
    return request.url.origin === base.origin
      ? await authenticator.request(complete, [this.#scope, ...others])
      : await http.request(complete);
  }

  /** The URL of a path below the repository. */
  async urlOf(path: string): Promise<URL> {
    const { base } = await this.#connect();
    return new URL(`${this.repository}/${path}`, base);
  }

  /** The error for an answer with an unwanted status. @param asked what was asked for, as part of a sentence */
  async refusal(response: HttpResponse, asked: string): Promise<RegistryError> {
    return await registryError(response, asked, this.login);
  }

  /** The name of a manifest in messages. */
  named(tagOrDigest: string): string {
    return `${this.registry}/${this.repository}${isDigest(tagOrDigest) ? "@" : ":"}${tagOrDigest}`;
  }

  /** The command that logs in, for hints. */
  get login(): string {
    return loginHint(this.#options.login ?? "docker login", this.registry);
  }

  /** Releases every connection, unless they are shared. */
  close(): void {
    const connection = this.#connection;
    this.#connection = undefined;
    // a failed connection has nothing to close; its failure was reported to the caller
    connection?.then(
      (opened) => opened.close(),
      () => undefined,
    );
  }

  get #scope(): string {
    return `repository:${this.repository}:${this.#options.access === "push" ? "pull,push" : "pull"}`;
  }

  #connect(): Promise<Connection> {
    this.#connection ??= openConnection(this, this.#options);
    return this.#connection;
  }
}
