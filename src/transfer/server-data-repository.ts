import type { PublicKey } from "../crypto/public-key.ts";
import { NetworkError, TagsealError } from "../errors.ts";
import { serverKey } from "../server/collections/published-keys.ts";
import { toWireError } from "../server/http/failure.ts";
import { parseRoute } from "../server/http/route.ts";
import { currentFile, fileByChecksum, fileByVersion } from "../server/http/stored-files.ts";
import { uploadOf } from "../server/http/upload.ts";
import { fileNotFound } from "../server/http/wire-error.ts";
import type { DirectAccess } from "../server/run/direct-access.ts";
import type { StoredFile } from "../server/storage/stored-file.ts";
import type { TrustRepository } from "../trust/ports.ts";
import { serverRefusal } from "../trust/trust-server/server-refusal.ts";
import type { RoleName, ServerRole } from "../tuf/metadata.ts";

/** One collection in the data of a trust server. */
export interface ServerDataOptions {
  /** closed by the caller */
  readonly access: DirectAccess;
  readonly gun: string;
  /** the place of the data, for messages; without secrets */
  readonly url: string;
}

/**
 * The trust data of one collection in a server's own storage, with the server's own keys: what its clients get over HTTP, without HTTP.
 * Refusals are those of the server, as its clients see them. A failure keeps its own message: its reader is the operator.
 */
export class ServerDataRepository implements TrustRepository {
  readonly url: string;
  readonly name = "this server's data";
  readonly #access: DirectAccess;
  readonly #gun: string;

  constructor({ access, gun, url }: ServerDataOptions) {
    this.url = url;
    this.#access = access;
    this.#gun = gun;
  }

  async fetch(name: string, maxBytes: number): Promise<Uint8Array> {
    const file = await answering("reading", name, async () => await this.#file(name));
    if (file.bytes.length <= maxBytes) return file.bytes;
    throw new NetworkError("RESPONSE_TOO_LARGE", `${name} has more than ${maxBytes} bytes`);
  }

  async publish(files: ReadonlyMap<RoleName, Uint8Array>): Promise<void> {
    await answering("changing", "publish", async () => {
      await this.#access.publications.publish(this.#gun, uploadOf(files));
    });
  }

  async getKey(role: ServerRole): Promise<PublicKey> {
    return await answering("changing", `${role} key`, async () => await serverKey(this.#access, this.#gun, role));
  }

  async rotateKey(role: ServerRole): Promise<PublicKey> {
    const { signer } = this.#access;
    return await answering("changing", `${role} key`, async () => await signer.pendingKey(this.#gun, role));
  }

  async delete(): Promise<void> {
    await answering("changing", "delete", async () => await this.#access.publications.remove(this.#gun));
  }

  async wasDeleted(): Promise<boolean> {
    const { store } = this.#access;
    const [last] = await answering("reading", "changes", async () => {
      return await store.changes({ gun: this.#gun, from: 0, limit: 1, backwards: true });
    });
    return last?.category === "deletion";
  }

  /** @throws WireError `METADATA_NOT_FOUND`; `UNKNOWN` while the storage cannot say */
  async #file(name: string): Promise<StoredFile> {
    const gun = this.#gun;
    const route = parseRoute(`/v2/${gun}/_trust/tuf/${name}.json`);
    if (route?.kind === "current") return await currentFile(this.#access, gun, route.role);
    if (route?.kind === "version") return await fileByVersion(this.#access, gun, route.role, route.version);
    if (route?.kind === "checksum") return await fileByChecksum(this.#access, gun, route.role, route.checksum);
    throw fileNotFound();
  }
}

/** Turns refusals into what a client of the server throws, and failures into `TRUST_SERVER_ERROR`. */
async function answering<T>(doing: "reading" | "changing", subject: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const wire = toWireError(error, doing);
    if (wire.status < 500) throw serverRefusal({ status: wire.status, subject, body: Buffer.from(wire.toBody()) });
    if (!(error instanceof Error)) throw error;
    const hint = error instanceof TagsealError && error.hint !== undefined ? { hint: error.hint } : {};
    throw new NetworkError("TRUST_SERVER_ERROR", error.message, { cause: error, ...hint });
  }
}
