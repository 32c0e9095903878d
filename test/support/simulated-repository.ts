/**
 * An honest trust server and publisher in memory, for stories about dishonest ones. A test makes an honest state, publishes it, changes
 * one thing, and sees what a client makes of it.
 *
 * Everything is consistent by construction: whatever a corruption did to a role's file, snapshot and timestamp name exactly that file
 * and are properly signed, as they would be by an attacker who holds those keys. So what is refused is refused for what was changed.
 */

import { createRootCertificate } from "../../src/crypto/certificate.ts";
import { PrivateKey } from "../../src/crypto/private-key.ts";
import { PublicKey } from "../../src/crypto/public-key.ts";
import { encodeBase64 } from "../../src/encoding/base64.ts";
import { encodeHex } from "../../src/encoding/hex.ts";
import { canonicalJson, fileJson } from "../../src/encoding/json.ts";
import type { JsonObject } from "../../src/encoding/json.ts";
import { MetadataError, NetworkError } from "../../src/errors.ts";
import { sha256 } from "../../src/crypto/sha256.ts";
import { fileMetaOf } from "../../src/tuf/file-meta.ts";
import type {
  AnyBody,
  BaseRole,
  DelegatedRole,
  FileMeta,
  RoleName,
  RootBody,
  Target,
  TargetsBody,
} from "../../src/tuf/metadata.ts";
import { serialiseBody } from "../../src/tuf/notary-v1/serialise.ts";
import { parentOf } from "../../src/tuf/role-name.ts";
import type { MetadataSource } from "../../src/tuf/updater.ts";

/** A private key and the key object under which metadata lists it (a certificate, for root keys). */
export interface SimulatedKey {
  readonly privateKey: PrivateKey;
  readonly listed: PublicKey;
}

/** What to do to a role's file when it is next published. Unlike an edit it leaves everything else alone. */
export interface Corruption {
  /** changes what is signed, before it is signed */
  readonly signed?: (signed: JsonObject) => void;
  /** signs with these keys instead of the role's own */
  readonly signWith?: readonly SimulatedKey[];
  /** changes the finished bytes: the signatures no longer cover what they did */
  readonly bytes?: (bytes: Buffer) => Uint8Array;
}

interface Role {
  version: number;
  expires: string;
  changed: boolean;
  content: AnyBody;
}

/** The moment all simulated repositories are made at. */
export const simulatedNow = new Date("2026-03-01T12:00:00Z");

const expiries = { root: "2036-02-27T12:00:00Z", timestamp: "2026-03-15T12:00:00Z", other: "2029-02-28T12:00:00Z" };

/** A repository with one key per role and threshold 1. Edit it, then {@link SimulatedRepository.publish}. */
export class SimulatedRepository {
  readonly gun: string;
  /** what the server answers with, by name without `.json` */
  readonly served = new Map<string, Uint8Array>();
  /** the current file of each role */
  readonly current = new Map<RoleName, Uint8Array>();
  readonly keys = new Map<RoleName, SimulatedKey[]>();
  readonly #roles = new Map<RoleName, Role>();
  readonly #corruptions = new Map<RoleName, Corruption>();
  #previousRootKeys: SimulatedKey[] = [];

  private constructor(gun: string) {
    this.gun = gun;
  }

  /** An empty repository, published once: every role at version 1. */
  static async create(gun = "registry.example/team/app"): Promise<SimulatedRepository> {
    const repository = await SimulatedRepository.unpublished(gun);
    await repository.publish();
    return repository;
  }

  /** An empty repository the server does not have yet. */
  static async unpublished(gun = "registry.example/team/app"): Promise<SimulatedRepository> {
    const repository = new SimulatedRepository(gun);
    const common = { version: 1, expires: "", expiresAt: simulatedNow };
    repository.keys.set("root", [await repository.rootKey()]);
    for (const role of ["targets", "snapshot", "timestamp"]) repository.keys.set(role, [simulatedKey()]);
    const root: RootBody = { ...common, type: "root", consistentSnapshot: false, keys: new Map(), roles: new Map() };
    repository.#add("root", root, expiries.root);
    repository.#addTargets("targets");
    repository.#add("snapshot", { ...common, type: "snapshot", meta: new Map() });
    repository.#add("timestamp", { ...common, type: "timestamp", meta: new Map() }, expiries.timestamp);
    for (const role of ["root", "targets", "snapshot", "timestamp"]) repository.#declare(role as BaseRole, 1);
    return repository;
  }

  /** A new root key with a certificate for this repository, or for whatever name is given. */
  async rootKey(
    commonName: string = this.gun,
    notBefore: Date = new Date("2026-02-01T00:00:00Z"),
  ): Promise<SimulatedKey> {
    const privateKey = PrivateKey.generate("ecdsa");
    return {
      privateKey,
      listed: PublicKey.fromCertificatePem(await createRootCertificate(privateKey, commonName, notBefore)),
    };
  }

  /** Puts a target into a role; the content of a tag is made up from `content`. */
  addTarget(name: string, role: RoleName = "targets", content = `content of ${name}`): void {
    const target = simulatedTarget(content);
    this.editTargets(role, (body) => ({ ...body, targets: new Map(body.targets).set(name, target) }));
  }

  /** Changes a targets file; it gets a new version when published. */
  editTargets(role: RoleName, edit: (body: TargetsBody) => TargetsBody): void {
    const state = this.role(role);
    state.content = edit(state.content as TargetsBody);
    state.changed = true;
  }

  /** Changes the root; it gets a new version when published. */
  editRoot(edit: (body: RootBody) => RootBody): void {
    const state = this.role("root");
    state.content = edit(state.content as RootBody);
    state.changed = true;
  }

  /** Declares a delegation in its parent (again, if it is there) and gives it an empty file unless told not to. */
  delegate(
    role: RoleName,
    options: {
      readonly paths?: readonly string[];
      readonly keys?: SimulatedKey[];
      readonly threshold?: number;
      readonly withFile?: boolean;
    } = {},
  ): void {
    const keys = options.keys ?? [simulatedKey()];
    const declared: DelegatedRole = {
      name: role,
      keyIds: keys.map((key) => key.listed.keyId),
      threshold: options.threshold ?? 1,
      paths: options.paths ?? [""],
    };
    this.editTargets(parentOf(role), (body) => {
      const others = (body.delegations.roles ?? []).filter((entry) => entry.name !== role);
      const listed = new Map(body.delegations.keys);
      for (const key of keys) listed.set(key.listed.keyId, key.listed);
      return { ...body, delegations: { keys: listed, roles: [...others, declared] } };
    });
    this.keys.set(role, keys);
    if (options.withFile !== false && !this.#roles.has(role)) this.#addTargets(role);
  }

  /** Gives a base role new keys. The root is signed by old and new ones when it is its own keys that change. */
  rotate(role: BaseRole, keys: SimulatedKey[], threshold = 1): void {
    if (role === "root") this.#previousRootKeys = [...this.#previousRootKeys, ...(this.keys.get("root") ?? [])];
    this.keys.set(role, keys);
    this.#declare(role, threshold);
    if (role === "targets") this.role("targets").changed = true;
  }

  /** Lets the next publication do this to a role's file. */
  corrupt(role: RoleName, corruption: Corruption): void {
    this.#corruptions.set(role, corruption);
    this.role(role).changed = true;
  }

  /** Drops a role's file, as if it had never been: what declares it stays. */
  forget(role: RoleName): void {
    this.#roles.delete(role);
    this.current.delete(role);
  }

  /** Puts an earlier file of a role back in the place of the current one. */
  rollBack(role: RoleName, bytes: Uint8Array): void {
    this.current.set(role, bytes);
    this.role(role).changed = false;
  }

  setExpiry(role: RoleName, expires: string): void {
    this.role(role).expires = expires;
    this.role(role).changed = true;
  }

  setVersion(role: RoleName, version: number): void {
    this.role(role).version = version - 1;
    this.role(role).changed = true;
  }

  /** Signs what changed, snapshot and timestamp in any case, and lets the server serve it. */
  async publish(): Promise<void> {
    for (const [role, state] of this.#roles) {
      if (state.changed && role !== "snapshot" && role !== "timestamp") await this.#sign(role, state);
    }
    const listed = [...this.current].filter(([role]) => role !== "snapshot" && role !== "timestamp");
    this.#describe("snapshot", new Map(listed.map(([role, bytes]) => [role, fileMetaOf(bytes)])));
    await this.#sign("snapshot", this.role("snapshot"));
    this.#describe("timestamp", new Map([["snapshot", fileMetaOf(this.current.get("snapshot") ?? new Uint8Array())]]));
    await this.#sign("timestamp", this.role("timestamp"));
    this.#corruptions.clear();
    this.#previousRootKeys = [];
    for (const [role, bytes] of this.current) this.#serve(role, bytes);
  }

  /** The state of a role that will be signed next. */
  role(role: RoleName): Role {
    const state = this.#roles.get(role);
    if (state === undefined) throw new Error(`the simulated repository has no ${role}`);
    return state;
  }

  #add(role: RoleName, content: AnyBody, expires = expiries.other): void {
    this.#roles.set(role, { version: 0, expires, changed: true, content });
  }

  #addTargets(role: RoleName): void {
    const delegations = { keys: new Map(), roles: [] };
    this.#add(role, {
      version: 1,
      expires: "",
      expiresAt: simulatedNow,
      type: "targets",
      targets: new Map(),
      delegations,
    });
  }

  #declare(role: BaseRole, threshold: number): void {
    const keys = this.keys.get(role) ?? [];
    this.editRoot((body) => ({
      ...body,
      keys: new Map([...body.keys, ...keys.map((key) => [key.listed.keyId, key.listed] as const)]),
      roles: new Map(body.roles).set(role, { keyIds: keys.map((key) => key.listed.keyId), threshold }),
    }));
  }

  #describe(role: "snapshot" | "timestamp", meta: ReadonlyMap<RoleName, FileMeta>): void {
    const state = this.role(role);
    state.content = { ...state.content, meta } as AnyBody;
  }

  async #sign(role: RoleName, state: Role): Promise<void> {
    state.version++;
    state.changed = false;
    const corruption = this.#corruptions.get(role);
    const signed = serialiseBody({ ...state.content, version: state.version, expires: state.expires });
    corruption?.signed?.(signed);
    const own = [...(this.keys.get(role) ?? []), ...(role === "root" ? this.#previousRootKeys : [])];
    const bytes = await signedFile(signed, corruption?.signWith ?? own);
    this.current.set(role, corruption?.bytes?.(bytes) ?? bytes);
  }

  /** Replaces the bytes served for a role under every name it now has, without a publication. */
  tamper(role: RoleName, change: (bytes: Buffer) => Uint8Array): void {
    const original = this.current.get(role);
    if (original === undefined) throw new Error(`the simulated repository has no ${role}`);
    const changed = change(Buffer.from(original));
    for (const [name, bytes] of this.served) if (bytes === original) this.served.set(name, changed);
  }

  #serve(role: RoleName, bytes: Uint8Array): void {
    this.served.set(role, bytes);
    this.served.set(`${role}.${encodeHex(sha256(bytes))}`, bytes);
    if (role === "root") this.served.set(`${this.role("root").version}.root`, bytes);
  }
}

/** The server's side of a simulated repository as a client sees it: it counts requests and fails where it is told to. */
export class SimulatedSource implements MetadataSource {
  readonly requests: string[] = [];
  readonly #repository: SimulatedRepository;
  readonly #failures = new Map<string, Error>();

  constructor(repository: SimulatedRepository) {
    this.#repository = repository;
  }

  /** Fails every request for a role's file (`""`: any file) in whatever form it is asked for, until told otherwise. */
  fail(role: string, error: Error | undefined): void {
    if (error === undefined) this.#failures.delete(role);
    else this.#failures.set(role, error);
  }

  async fetch(name: string, maxBytes: number): Promise<Uint8Array> {
    this.requests.push(name);
    const failure =
      this.#failures.get("") ?? this.#failures.get(name.replace(/^\d+\./, "").replace(/\.[0-9a-f]{64}$/, ""));
    if (failure !== undefined) throw failure;
    const bytes = this.#repository.served.get(name);
    if (bytes === undefined) throw new MetadataError("METADATA_MISSING", `${name} trust data unavailable`);
    if (bytes.length > maxBytes)
      throw new NetworkError("RESPONSE_TOO_LARGE", `${name} is larger than ${maxBytes} bytes`);
    return bytes;
  }
}

/** A fresh ECDSA key as it is listed for roles other than root. */
export function simulatedKey(): SimulatedKey {
  const privateKey = PrivateKey.generate("ecdsa");
  return { privateKey, listed: privateKey.publicKey };
}

/** A target for some content. */
export function simulatedTarget(content: string): Target {
  const bytes = Buffer.from(content);
  return { hashes: new Map([["sha256", sha256(bytes)]]), length: bytes.length };
}

/** A file with this `signed` member, signed by these keys, whatever it says. */
export async function signedFile(signed: JsonObject, keys: readonly SimulatedKey[]): Promise<Buffer> {
  const payload = canonicalJson(signed);
  const signatures = await Promise.all(
    keys.map(async ({ privateKey, listed }) => {
      const { method, value } = await privateKey.sign(payload);
      return fileJson({ keyid: listed.keyId, method, sig: encodeBase64(value) });
    }),
  );
  return Buffer.from(`{"signed":${fileJson(signed)},"signatures":[${signatures.join(",")}]}`);
}
