/** Requests to HashiCorp Vault, and to OpenBao, which has the same API. */
import { homedir } from "node:os";
import { join } from "node:path";
import { jsonMember, parseOrdinaryJsonOr } from "../../encoding/json.ts";
import type { JsonObject, JsonValue } from "../../encoding/json.ts";
import type { Environment } from "../../environment/environment.ts";
import { KeyStoreError, TagsealError } from "../../errors.ts";
import { readLinkedFile } from "../../files/read-private-file.ts";
import { systemReason } from "../../files/system-error.ts";
import { isLoopbackHost } from "../../reference/loopback.ts";
import { HttpClient } from "../../http/client/http-client.ts";

/** An answer of Vault's. */
export interface VaultAnswer {
  readonly status: number;
  /** the member `data`; undefined when there is none */
  readonly data: JsonValue | undefined;
}

const maxAnswerBytes = 1024 * 1024;
const maxFileBytes = 256 * 1024;

/**
 * A client with the settings of Vault's own command: `VAULT_ADDR`, `VAULT_TOKEN` or the file `~/.vault-token`, `VAULT_NAMESPACE`, `VAULT_CACERT`.
 * The token goes nowhere but to that address.
 */
export class VaultClient {
  readonly #env: Environment;

  constructor(env: Environment) {
    this.#env = env;
  }

  /** The server, in messages. */
  get place(): string {
    return `Vault at ${this.#address().host}`;
  }

  /**
   * Sends a request below `/v1/`.
   *
   * @returns also for 404, which the caller explains
   * @throws KeyStoreError `KEY_SERVICE_UNAVAILABLE` when the settings are missing, Vault does not answer, is sealed, or denies permission;
   * `KEY_SERVICE_FAILED` for other failures
   */
  async request(method: "GET" | "POST", path: string, body?: JsonObject): Promise<VaultAnswer> {
    const url = new URL(`v1/${path}`, this.#address());
    const client = new HttpClient({ proxyEnv: this.#env, tls: this.#tls() });
    try {
      const headers = this.#headers();
      const content = body === undefined ? {} : { body: Buffer.from(JSON.stringify(body)) };
      const response = await client.request({ method, url, headers, ...content });
      return this.#answer(response.status, await response.bytes(maxAnswerBytes));
    } catch (cause) {
      if (cause instanceof KeyStoreError || !(cause instanceof TagsealError) || cause.code === "CANCELLED") throw cause;
      throw this.#unavailable(cause.message, cause);
    } finally {
      client.close();
    }
  }

  #answer(status: number, bytes: Uint8Array): VaultAnswer {
    const nonsense = (): KeyStoreError => this.#failed("it answered something that is not JSON");
    const content = bytes.length === 0 ? undefined : parseOrdinaryJsonOr(nonsense, bytes);
    if (status === 403) throw this.#unavailable("permission denied", undefined);
    if (status === 503 || status === 501) throw this.#unavailable("it is sealed, or not initialised", undefined);
    if (status >= 300 && status !== 404) throw this.#failed(`status ${status}${reasonOf(content)}`);
    return { status, data: jsonMember(content, "data") };
  }

  #address(): URL {
    const text = this.#env["VAULT_ADDR"] || "https://127.0.0.1:8200";
    const url = URL.parse(text.endsWith("/") ? text : `${text}/`);
    if (url === null || !["https:", "http:"].includes(url.protocol) || url.username !== "" || url.password !== "")
      throw new KeyStoreError("KEY_SERVICE_UNAVAILABLE", "VAULT_ADDR is not the address of a Vault server", {
        hint: "Set it, for example: export VAULT_ADDR=https://vault.example.com:8200",
      });
    if (url.protocol === "https:" || isLoopbackHost(url.hostname)) return url;
    // Off-spec: Vault's own command sends its token there; whatever is on the way could then sign.
    throw new KeyStoreError(
      "KEY_SERVICE_UNAVAILABLE",
      `Vault at ${url.host} is not asked without TLS: its token would be readable`,
      {
        hint: "Set VAULT_ADDR to an https address; http is for this machine only.",
      },
    );
  }

  #headers(): Record<string, string> {
    const namespace = this.#env["VAULT_NAMESPACE"] || undefined;
    return {
      // Unlike X-Vault-Token, this one is dropped when an answer leads elsewhere.
      authorization: `Bearer ${this.#token()}`,
      "x-vault-request": "true",
      "content-type": "application/json",
      ...(namespace === undefined ? {} : { "x-vault-namespace": namespace }),
    };
  }

  #token(): string {
    const home = this.#env["HOME"] || homedir();
    const token = (this.#env["VAULT_TOKEN"] || readText(join(home, ".vault-token")) || "").trim();
    if (/^[\x21-\x7e]+$/.test(token)) return token;
    throw this.#unavailable("there is no token for it", undefined);
  }

  #tls(): { readonly ca?: readonly string[] } {
    const path = this.#env["VAULT_CACERT"] || undefined;
    if (path === undefined) return {};
    const ca = readText(path);
    if (ca !== undefined) return { ca: [ca] };
    throw new KeyStoreError("KEY_SERVICE_UNAVAILABLE", `Cannot read ${path}, which VAULT_CACERT names`);
  }

  #unavailable(reason: string, cause: unknown): KeyStoreError {
    return new KeyStoreError("KEY_SERVICE_UNAVAILABLE", `Cannot use ${this.place}: ${reason}`, {
      cause,
      hint: "Check VAULT_ADDR, and log in with `vault login`. The token needs read and update on the transit keys.",
    });
  }

  #failed(reason: string): KeyStoreError {
    return new KeyStoreError("KEY_SERVICE_FAILED", `A request to ${this.place} failed: ${reason}`);
  }
}

/** What Vault says itself, shortened. */
function reasonOf(content: JsonValue | undefined): string {
  const errors = jsonMember(content, "errors");
  const [first] = Array.isArray(errors) ? errors : [];
  return typeof first === "string" ? `: ${first.slice(0, 300)}` : "";
}

function readText(path: string): string | undefined {
  try {
    const found = readLinkedFile(path, maxFileBytes);
    return found.kind === "file" ? found.bytes.toString("utf8") : undefined;
  } catch (cause) {
    throw new KeyStoreError("KEY_SERVICE_UNAVAILABLE", `Cannot read ${path}: ${systemReason(cause)}`, { cause });
  }
}
