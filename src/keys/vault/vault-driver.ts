import { rawEcdsaSignature } from "../../crypto/ecdsa-signature.ts";
import type { KeyAlgorithm } from "../../crypto/private-key.ts";
import { parsePublicKeyPem } from "../../crypto/public-key-pem.ts";
import { PublicKey } from "../../crypto/public-key.ts";
import { decodeBase64, encodeBase64 } from "../../encoding/base64.ts";
import { jsonMember } from "../../encoding/json.ts";
import type { JsonValue } from "../../encoding/json.ts";
import { KeyStoreError, TagsealError } from "../../errors.ts";
import type { DriverOptions, ExternalKey, KeyDriver, NewExternalKey, TakenKey } from "../external/key-driver.ts";
import { type VaultAnswer, VaultClient } from "./vault-client.ts";
import { wrapForVault } from "./vault-wrapping.ts";

interface VaultUri {
  readonly mount: string;
  readonly name: string | undefined;
  readonly version: number | undefined;
}

const types: Readonly<Record<KeyAlgorithm, string>> = { ecdsa: "ecdsa-p256", rsa: "rsa-3072", ed25519: "ed25519" };
const methods: Readonly<Record<string, string>> = { ecdsa: "ecdsa", rsa: "rsapss", ed25519: "eddsa" };
const maxKeys = 1000;

/**
 * Keys of HashiCorp Vault's and OpenBao's transit engine: `vault:MOUNT/KEY?version=N`, with the mount usually `transit`. A link holds the version: after a
 * rotation in Vault, the linked version still signs.
 *
 * @see Vault: transit secrets engine (API)
 */
export class VaultDriver implements KeyDriver {
  readonly #client: VaultClient;

  constructor({ env }: Pick<DriverOptions, "env">) {
    this.#client = new VaultClient(env);
  }

  async find(text: string): Promise<ExternalKey> {
    const uri = parseVaultUri(text);
    return await this.#read(uri.mount, uri.name ?? refuse("it names no key"), uri.version);
  }

  async list(text: string): Promise<readonly ExternalKey[]> {
    const { mount, name, version } = parseVaultUri(text);
    if (name !== undefined) return [await this.#read(mount, name, version)];
    const { data } = await this.#client.request("GET", `${mount}/keys?list=true`);
    const names = jsonMember(data, "keys") ?? [];
    if (!Array.isArray(names) || names.length > maxKeys) throw this.#nonsense("no list of keys");
    const found: ExternalKey[] = [];
    for (const each of names) {
      const key = await this.#read(mount, typeof each === "string" ? each : "", undefined).catch(unlessOfAnotherKind);
      if (key !== undefined) found.push(key);
    }
    return found;
  }

  async generate(text: string, { label, algorithm }: NewExternalKey): Promise<ExternalKey> {
    return await this.#add(
      text,
      label,
      async (path) => await this.#client.request("POST", path, { type: types[algorithm] }),
    );
  }

  async take(text: string, { label, key }: TakenKey): Promise<ExternalKey> {
    const type = typeOf(key.publicKey);
    return await this.#add(text, label, async (path, mount) => {
      const { data } = await this.#client.request("GET", `${mount}/wrapping_key`);
      const wrappingKey = jsonMember(data, "public_key");
      if (typeof wrappingKey !== "string") throw this.#nonsense("no key to wrap others for");
      const ciphertext = encodeBase64(wrapForVault(key, wrappingKey));
      return await this.#client.request("POST", `${path}/import`, { type, ciphertext, hash_function: "SHA256" });
    });
  }

  namesKey(text: string): boolean {
    return parseVaultUri(text).name !== undefined;
  }

  /** Vault's default policy lets every token look at itself. */
  async check(text: string): Promise<void> {
    parseVaultUri(text);
    await this.#client.request("GET", "auth/token/lookup-self");
  }

  async #add(
    text: string,
    label: string,
    write: (path: string, mount: string) => Promise<VaultAnswer>,
  ): Promise<ExternalKey> {
    const { mount, name = label } = parseVaultUri(text);
    if (!isName(name)) refuse(`"${name}" cannot be the name of a key in Vault`);
    // Vault takes a second creation for done, and the key would be someone else's.
    if ((await this.#client.request("GET", `${mount}/keys/${name}`)).status !== 404)
      throw new KeyStoreError("KEY_EXISTS", `There is already a key ${mount}/${name} in ${this.#client.place}`, {
        hint: "Link it with `tagseal trust key link`, or name another in the URI.",
      });
    if ((await write(`${mount}/keys/${name}`, mount)).status === 404) throw this.#missing(mount, name);
    return await this.#read(mount, name, undefined);
  }

  async #read(mount: string, name: string, wanted: number | undefined): Promise<ExternalKey> {
    if (!isName(name)) throw this.#nonsense("a name that cannot be in a URI");
    const { status, data } = await this.#client.request("GET", `${mount}/keys/${name}`);
    if (status === 404) throw this.#missing(mount, name);
    const version = wanted ?? jsonMember(data, "latest_version");
    if (typeof version !== "number" || !Number.isSafeInteger(version)) throw this.#nonsense("no version of the key");
    const entry = jsonMember(jsonMember(data, "keys"), String(version));
    if (entry === undefined) throw this.#missing(mount, `${name} in version ${version}`);
    const publicKey = this.#publicKey(entry);
    return {
      uri: `vault:${mount}/${name}?version=${version}`,
      place: this.#client.place,
      publicKey,
      sign: async (payload) => await this.#sign(`${mount}/sign/${name}`, { version, publicKey, payload }),
    };
  }

  /** Ed25519 keys come as their 32 bytes, all others as PEM; keys that only encrypt have none. */
  #publicKey(entry: JsonValue): PublicKey {
    const text = jsonMember(entry, "public_key");
    if (typeof text !== "string" || text === "")
      throw new KeyStoreError("KEY_UNSUPPORTED", `The key in ${this.#client.place} is not one that signs`);
    if (text.includes("-----BEGIN")) return parsePublicKeyPem(text);
    return new PublicKey("ed25519", decodeBase64(text));
  }

  async #sign(
    path: string,
    {
      version,
      publicKey,
      payload,
    }: { readonly version: number; readonly publicKey: PublicKey; readonly payload: Uint8Array },
  ): Promise<{ readonly method: string; readonly value: Uint8Array }> {
    const { data } = await this.#client.request("POST", path, {
      input: encodeBase64(payload),
      key_version: version,
      hash_algorithm: "sha2-256",
      ...(publicKey.keyType === "rsa" ? { signature_algorithm: "pss", salt_length: "hash" } : {}),
      ...(publicKey.keyType === "ecdsa" ? { marshaling_algorithm: "asn1" } : {}),
    });
    const signature = jsonMember(data, "signature");
    const [, encoded] = /^vault:v\d+:(\S+)$/.exec(typeof signature === "string" ? signature : "") ?? [];
    if (encoded === undefined) throw this.#nonsense("no signature");
    const value = decodeBase64(encoded);
    const info = publicKey.verificationKey()?.info;
    const method = methods[publicKey.keyType] ?? "";
    return {
      method,
      value: info?.algorithm === "ecdsa" ? rawEcdsaSignature(value, info.curve.coordinateBytes) : value,
    };
  }

  #missing(mount: string, name: string): KeyStoreError {
    return new KeyStoreError("KEY_NOT_FOUND", `There is no key ${mount}/${name} in ${this.#client.place}`, {
      hint: "Compare with `vault list transit/keys`. Before the first key: `vault secrets enable transit`.",
    });
  }

  #nonsense(what: string): KeyStoreError {
    return new KeyStoreError("KEY_SERVICE_FAILED", `${this.#client.place} answered with ${what}`);
  }
}

/** Vault's word for a kind of key. @throws KeyStoreError `KEY_UNSUPPORTED` */
function typeOf(key: PublicKey): string {
  const info = key.verificationKey()?.info;
  if (info?.algorithm === "ecdsa") return `ecdsa-${info.curve.name.replace("-", "").toLowerCase()}`;
  if (info?.algorithm === "ed25519") return "ed25519";
  const bits = info?.algorithm === "rsa" ? info.modulusBits : 0;
  if ([2048, 3072, 4096].includes(bits)) return `rsa-${bits}`;
  throw new KeyStoreError("KEY_UNSUPPORTED", "Vault takes RSA keys of 2,048, 3,072 and 4,096 bits only");
}

/** @throws KeyStoreError `KEY_URI_INVALID` */
function parseVaultUri(text: string): VaultUri {
  const [, path = "", version] = /^vault:([^?]{1,512})(?:\?version=(\d{1,9}))?$/.exec(text) ?? [];
  const parts = path.split("/");
  if (!parts.every(isName)) refuse("it is not one of the form vault:MOUNT/KEY");
  // A mount alone is a place for new keys.
  const mount = parts.length === 1 ? path : parts.slice(0, -1).join("/");
  const name = parts.length === 1 ? undefined : parts.at(-1);
  return { mount, name, version: version === undefined ? undefined : Number(version) };
}

/** As Vault has them, and nothing that could lead a URL elsewhere. */
function isName(text: string): boolean {
  return /^\w(?:[\w.-]{0,126}\w)?$/.test(text);
}

function unlessOfAnotherKind(error: unknown): undefined {
  if (error instanceof TagsealError && ["KEY_UNSUPPORTED", "PEM_MALFORMED"].includes(error.code)) return undefined;
  throw error;
}

function refuse(reason: string): never {
  throw new KeyStoreError("KEY_URI_INVALID", `Cannot read the vault URI: ${reason}`, {
    hint: "Give mount and key, for example vault:transit/release-root.",
  });
}
