import { createHash } from "node:crypto";
import { rawEcdsaSignature } from "../../crypto/ecdsa-signature.ts";
import { parsePublicKeyPem } from "../../crypto/public-key-pem.ts";
import type { PublicKey } from "../../crypto/public-key.ts";
import { decodeBase64, encodeBase64 } from "../../encoding/base64.ts";
import { isJsonObject, type JsonObject, jsonMember } from "../../encoding/json.ts";
import type { JsonValue } from "../../encoding/json.ts";
import type { Environment } from "../../environment/environment.ts";
import { KeyStoreError, TagsealError } from "../../errors.ts";
import type { DriverOptions, ExternalKey, KeyDriver, NewExternalKey } from "../external/key-driver.ts";
import { askKeyHelper, type HelperVerb } from "./key-program.ts";

interface ExecUri {
  readonly name: string;
  /** what the helper calls the key, or the place of its keys; may be empty */
  readonly key: string;
}

const maxKeys = 1000;
const methods: Readonly<Record<string, string>> = { ecdsa: "ecdsa", rsa: "rsapss", ed25519: "eddsa" };

/**
 * Keys of any service, through a helper program: `exec:NAME/KEY` is the key KEY of `tagseal-key-NAME`.
 *
 * The helper is not trusted: its public keys are compared, its signatures verified.
 */
export class ExecDriver implements KeyDriver {
  readonly #env: Environment;

  constructor({ env }: Pick<DriverOptions, "env">) {
    this.#env = env;
  }

  async find(text: string): Promise<ExternalKey> {
    const uri = parseExecUri(text);
    return this.#externalKey(uri, await this.#ask(uri, "find", { key: uri.key }));
  }

  async list(text: string): Promise<readonly ExternalKey[]> {
    const uri = parseExecUri(text);
    const keys = jsonMember(await this.#ask(uri, "list", { key: uri.key }), "keys");
    if (!Array.isArray(keys) || keys.length > maxKeys) throw nonsense(uri, "no list of keys");
    return keys.map((key) => this.#externalKey(uri, key));
  }

  async generate(text: string, { label, algorithm }: NewExternalKey): Promise<ExternalKey> {
    const uri = parseExecUri(text);
    return this.#externalKey(uri, await this.#ask(uri, "generate", { key: uri.key, label, algorithm }));
  }

  /** The protocol has no way to hand a private key over. */
  async take(text: string): Promise<never> {
    const { name } = parseExecUri(text);
    throw new KeyStoreError("KEY_UNSUPPORTED", `Key helpers take no keys in: tagseal-key-${name} was not asked`, {
      hint: "Import the key with the service's own program, then link it with `tagseal trust key link`.",
    });
  }

  /** What the helper calls a key, and what a place of keys, only it knows. */
  namesKey(text: string): boolean {
    parseExecUri(text);
    return false;
  }

  async check(text: string): Promise<void> {
    await this.list(text);
  }

  async #ask({ name }: ExecUri, verb: HelperVerb, request: JsonObject): Promise<JsonObject> {
    return await askKeyHelper({ name, env: this.#env }, verb, request);
  }

  #externalKey(uri: ExecUri, answer: JsonValue): ExternalKey {
    if (!isJsonObject(answer)) throw nonsense(uri, "no key");
    const found = { name: uri.name, key: textMember(uri, answer, "key") };
    const publicKey = readPublicKey(uri, textMember(uri, answer, "publicKey"));
    // What a helper calls its key becomes part of a URI, and is read from it again.
    const full = `exec:${found.name}/${found.key}`;
    if (parseExecUri(full).key !== found.key) throw nonsense(uri, "the name of its key cannot be in a URI");
    return {
      uri: full,
      place: `tagseal-key-${uri.name}`,
      publicKey,
      sign: async (payload) => await this.#sign(found, publicKey, payload),
    };
  }

  async #sign(
    uri: ExecUri,
    publicKey: PublicKey,
    payload: Uint8Array,
  ): Promise<{ readonly method: string; readonly value: Uint8Array }> {
    const method = methods[publicKey.keyType] ?? "";
    const answer = await this.#ask(uri, "sign", {
      key: uri.key,
      method,
      payload: encodeBase64(payload),
      sha256: createHash("sha256").update(payload).digest("base64"),
    });
    const value = orNonsense(uri, "no usable signature", () => decodeBase64(textMember(uri, answer, "signature")));
    const info = publicKey.verificationKey()?.info;
    if (info?.algorithm !== "ecdsa") return { method, value };
    const { coordinateBytes } = info.curve;
    return { method, value: orNonsense(uri, "no usable signature", () => rawEcdsaSignature(value, coordinateBytes)) };
  }
}

/** @throws KeyStoreError `KEY_URI_INVALID` */
function parseExecUri(text: string): ExecUri {
  const [, name, key = ""] = /^exec:([a-z0-9][a-z0-9_-]{0,63})(?:\/([\x21-\x7e]{0,1024}))?$/.exec(text) ?? [];
  if (name !== undefined) return { name, key };
  throw new KeyStoreError("KEY_URI_INVALID", "Cannot read the exec URI: it is not one of the form exec:NAME/KEY", {
    hint: "NAME is that of the program tagseal-key-NAME; KEY is what it calls the key, without spaces.",
  });
}

function textMember(uri: ExecUri, answer: JsonValue, name: string): string {
  const value = jsonMember(answer, name);
  if (typeof value === "string") return value;
  throw nonsense(uri, `no "${name}"`);
}

function readPublicKey(uri: ExecUri, pem: string): PublicKey {
  return orNonsense(uri, "no usable public key", () => parsePublicKeyPem(pem));
}

function orNonsense<T>(uri: ExecUri, what: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof TagsealError) throw nonsense(uri, what, cause);
    throw cause;
  }
}

function nonsense({ name }: ExecUri, what: string, cause?: unknown): KeyStoreError {
  return new KeyStoreError("KEY_SERVICE_FAILED", `The key helper tagseal-key-${name} answered with ${what}`, {
    cause,
    hint: "Compare what it answers with the protocol in docs/keys.md.",
  });
}
