/** Requests to one repository of one registry, with its login: which URL, which rights, and what a refusal says. */

import { UsageError } from "../errors.ts";
import { isDigest } from "../reference/digest.ts";
import type { ImageReference } from "../reference/image-reference.ts";
import { isTag } from "../reference/reference-grammar.ts";
import type { HttpResponse } from "../http/client/http-response.ts";
import { type HttpRequest, isPassing } from "../http/client/http-request.ts";
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
    const scopes = [this.#scope, ...others];
    // an upload may continue at another server, which must not get the credentials, even if it asks
    if (request.url.origin !== base.origin) return await http.request(complete);
    if (isPassing(request.body)) await this.#showLogin(scopes);
    return await authenticator.request(complete, scopes);
  }

  /** Finds out how the registry wants the login before a body is sent that cannot be sent again. */
  async #showLogin(scopes: readonly string[]): Promise<void> {
    const { base, authenticator } = await this.#connect();
    const { signal } = this;
    const answer = await authenticator.request(
      { method: "GET", url: base, ...(signal === undefined ? {} : { signal }) },
      scopes,
    );
    answer.discard();
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

  /** A registry that could not be reached is tried again by the next request. */
  #connect(): Promise<Connection> {
    if (this.#connection !== undefined) return this.#connection;
    const opening = openConnection(this, this.#options);
    this.#connection = opening;
    opening.catch(() => {
      if (this.#connection === opening) this.#connection = undefined;
    });
    return opening;
  }
}
