/**
 * A signer in another process, ours or Notary's, that speaks Notary's gRPC protocol.
 *
 * The protocol knows keys by ID only: it neither says which collection a key is for, nor promises the same unused key
 * twice. Both are remembered here, in {@link KeyAssignments}, so that no key ever signs for another collection, and so that key requests of
 * strangers, which any client may send for any name, stop at a bound instead of filling the signer's database.
 */

import type { ServerRole } from "../../tuf/metadata.ts";
import type { SigningKey } from "../../crypto/private-key.ts";
import { PublicKey } from "../../crypto/public-key.ts";
import { verifySignature } from "../../crypto/signature.ts";
import { hasCode, TagsealError } from "../../errors.ts";
import type { WatchParts } from "../../service/watching/watched-files.ts";
import { methods, type Method } from "./grpc/methods.ts";
import { SignerClient, type SignerAddress } from "./grpc/signer-client.ts";
import type { KeyAssignment, PendingKeyOf } from "./key-assignments.ts";
import type { KeyTable } from "./key-table.ts";
import { givenAway, PromisedKeys, publicKeyOf } from "./promised-keys.ts";
import type { KeyPresence, NamesKey, SigningService } from "./signing-service.ts";

/** A server's settings for its signer. */
export interface RemoteSignerSettings extends SignerAddress {
  /** of new keys; `ecdsa` when absent */
  readonly algorithm?: "ecdsa" | "ed25519" | undefined;
  /** pending keys that are remembered; 10,000 when absent. Beyond it the oldest one is given to the next request. */
  readonly maxPendingKeys?: number | undefined;
}

/** How to use a remote signer. */
export interface RemoteSignerOptions extends RemoteSignerSettings {
  /** closed with the service */
  readonly table: Pick<KeyTable, "assignments" | "check" | "close">;
  /** decides about keys from before this server knew the signer */
  readonly namesKey: NamesKey;
  readonly now: () => Date;
  /** watches the certificate files; without it they are read once */
  readonly watching?: WatchParts | undefined;
  /** how often the signer's health is checked when there are no other calls, in milliseconds; 10,000 when absent */
  readonly probeIntervalMs?: number | undefined;
  /** called when the signer stops answering (with the reason), and when it answers again */
  readonly onReachable?: ((reason: TagsealError | undefined) => void) | undefined;
}

const defaultMaxPendingKeys = 10_000;
/** as Notary's server does */
const defaultProbeIntervalMs = 10_000;

/**
 * Opens the service. The signer need not run yet. The table is closed when this fails.
 *
 * @throws TagsealError `SERVER_CONFIGURATION` for files that cannot be used, or without the gRPC library
 */
export async function openRemoteSigningService(options: RemoteSignerOptions): Promise<SigningService> {
  try {
    return new RemoteSigningService(options, await SignerClient.create(options, options.watching));
  } catch (error) {
    await options.table.close();
    throw error;
  }
}

class RemoteSigningService implements SigningService {
  readonly #options: RemoteSignerOptions;
  readonly #client: SignerClient;
  readonly #promised: PromisedKeys;
  readonly #probing: NodeJS.Timeout;
  /** why the signer is unusable now */
  #failure: TagsealError | undefined;

  constructor(options: RemoteSignerOptions, client: SignerClient) {
    this.#options = options;
    this.#client = client;
    const { table, now, maxPendingKeys = defaultMaxPendingKeys } = options;
    this.#promised = new PromisedKeys({
      assignments: table.assignments,
      maxPendingKeys,
      now,
      make: async (of) => await this.#createKey(of),
      held: async (keyId) => (await this.#keyOf(keyId))?.key,
    });
    // A signer that is down should show before a publisher notices; `onReachable` reports what is wrong.
    const probe = (): void => void this.#probe().catch(() => false);
    this.#probing = setInterval(probe, options.probeIntervalMs ?? defaultProbeIntervalMs).unref();
  }

  get isAvailable(): boolean {
    return this.#failure === undefined;
  }

  async pendingKey(gun: string, role: ServerRole): Promise<PublicKey> {
    const { algorithm = "ecdsa" } = this.#options;
    return await this.#promised.next({ gun, role, algorithm });
  }

  async find(gun: string, role: ServerRole, keyId: string): Promise<SigningKey | undefined> {
    const assigned = await this.#options.table.assignments.find(keyId);
    if (assigned === undefined) return this.#adopted(gun, role, keyId);
    if (assigned.gun !== gun || assigned.role !== role) return undefined;
    return this.#signingKey(assigned);
  }

  async presence(gun: string, role: ServerRole, keyId: string): Promise<KeyPresence> {
    const assigned = await this.#options.table.assignments.find(keyId);
    const isOurs = assigned?.gun === gun && assigned.role === role;
    // A key of another collection never signs for this one, even if a root names it.
    if (assigned !== undefined && !isOurs) return "unknown";
    const found = await this.#keyOf(keyId);
    if (found !== undefined) return found.role === "" || found.role === role ? "held" : "unknown";
    return isOurs ? "lost" : "unknown";
  }

  async check(): Promise<void> {
    await this.#options.table.check();
    await this.#probe();
  }

  async close(): Promise<void> {
    clearInterval(this.#probing);
    this.#client.close();
    await this.#options.table.close();
  }

  async #probe(): Promise<void> {
    try {
      await this.#client.check();
      this.#note(undefined);
    } catch (error) {
      if (error instanceof TagsealError) this.#note(error);
      throw error;
    }
  }

  async #createKey({ gun, role, algorithm }: PendingKeyOf): Promise<PublicKey> {
    const made = await this.#call(methods.createKey, { algorithm, gun, role });
    if (made === undefined) throw new TagsealError("SIGNING_SERVICE_FAILED", "The signer made no key");
    return checkedKey(made.algorithm, made.publicKey, { keyId: made.keyId, algorithm });
  }

  /** A key from before this server knew the signer, which has published with it. Undefined for a publisher's own key. */
  async #adopted(gun: string, role: ServerRole, keyId: string): Promise<SigningKey | undefined> {
    if (!(await this.#options.namesKey(gun, role, keyId))) return this.#recovered(gun, role, keyId);
    const found = await this.#keyOf(keyId);
    if (found === undefined) {
      const recovered = await this.#recovered(gun, role, keyId);
      if (recovered !== undefined) return recovered;
      // A snapshot key may be the publisher's own. A timestamp key may not: the signer has lost it, or cannot open it.
      if (role === "snapshot") return undefined;
      throw lost(keyId);
    }
    if (found.role !== "" && found.role !== role) return undefined;
    return this.#assignedNow({ gun, role }, found.key);
  }

  /** A key that this server has no record of, because it was restored from a backup, but that the signer knows to be this collection's. */
  async #recovered(gun: string, role: ServerRole, keyId: string): Promise<SigningKey | undefined> {
    const { algorithm = "ecdsa" } = this.#options;
    const found = await this.#call(methods.findKey, { gun, role, algorithm, keyId });
    return found && this.#assignedNow({ gun, role }, checkedKey(found.algorithm, found.publicKey, { keyId }));
  }

  async #assignedNow(
    { gun, role }: Pick<KeyAssignment, "gun" | "role">,
    { keyId, bytes: publicKey, keyType: algorithm }: PublicKey,
  ): Promise<SigningKey | undefined> {
    const { table, now } = this.#options;
    await table.assignments.assign({ keyId, gun, role, algorithm, publicKey, assignedAt: now(), used: true });
    const owner = await table.assignments.find(keyId);
    return owner?.gun === gun && owner.role === role ? this.#signingKey(owner) : undefined;
  }

  #signingKey(assigned: KeyAssignment): SigningKey {
    const publicKey = publicKeyOf(assigned);
    return {
      publicKey,
      sign: async (payload) => {
        // Before the signature is out: a key that a published file may name must never be given to another collection.
        const isOurs = assigned.used || (await this.#options.table.assignments.use(assigned));
        if (!isOurs) throw givenAway(publicKey.keyId);
        return this.#sign(publicKey, payload);
      },
    };
  }

  async #sign(publicKey: PublicKey, payload: Uint8Array): Promise<{ method: string; value: Uint8Array }> {
    const { keyId } = publicKey;
    const signed = await this.#call(methods.sign, { keyId, content: payload });
    if (signed === undefined) throw lost(keyId);
    const { method, content: value } = signed;
    if (verifySignature(publicKey, { keyId, method, value }, payload)) return { method, value };
    throw new TagsealError("SIGNING_SERVICE_FAILED", `The signer's signature is not one of key ${keyId}`);
  }

  async #keyOf(keyId: string): Promise<{ readonly key: PublicKey; readonly role: string } | undefined> {
    const found = await this.#call(methods.getKeyInfo, keyId);
    return found && { key: checkedKey(found.algorithm, found.publicKey, { keyId }), role: found.role };
  }

  async #call<Request, Reply>(method: Method<Request, Reply>, request: Request): Promise<Reply | undefined> {
    try {
      const reply = await this.#client.call(method, request);
      // An answer shows that the signer is reachable. Only a health check clears a failure that a health check reported.
      if (hasCode(this.#failure, "SIGNING_SERVICE_UNREACHABLE")) this.#note(undefined);
      return reply;
    } catch (error) {
      if (hasCode(error, "SIGNING_SERVICE_UNREACHABLE")) this.#note(error);
      throw error;
    }
  }

  #note(failure: TagsealError | undefined): void {
    if ((failure === undefined) !== this.isAvailable) this.#options.onReachable?.(failure);
    this.#failure = failure;
  }
}

/** The signer is another process: its answer must be a valid key, and the key that was asked for. */
function checkedKey(
  keyType: string,
  bytes: Uint8Array,
  expected: { readonly keyId: string; readonly algorithm?: string },
): PublicKey {
  const key = new PublicKey(keyType, new Uint8Array(bytes));
  const isExpected = key.keyId === expected.keyId && (expected.algorithm ?? keyType) === keyType;
  if (isExpected && !key.isX509 && key.verificationKey() !== undefined) return key;
  throw new TagsealError(
    "SIGNING_SERVICE_FAILED",
    `The signer's description of key ${expected.keyId} is not of that key`,
  );
}

function lost(keyId: string): TagsealError {
  return new TagsealError(
    "SIGNING_SERVICE_FAILED",
    `The signer says that it does not hold key ${keyId}, which is in use`,
    {
      hint: "Check that Notary's signer has the passphrase of the key's alias (NOTARY_SIGNER_<ALIAS>): without it, the signer reports the same.",
    },
  );
}
