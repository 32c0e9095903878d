/** What the server does for each request: one function for each kind, errors thrown as `WireError` or by the layers below. */

import type { IncomingMessage } from "node:http";
import { encodeBase64 } from "../../encoding/base64.ts";
import type { PublicKey } from "../../crypto/public-key.ts";
import type { RoleName } from "../../tuf/metadata.ts";
import { isRoleName } from "../../tuf/role-name.ts";
import type { CollectionReader, CollectionView, Reading } from "../collection-reader.ts";
import { publishedKeyIds } from "../published-keys.ts";
import type { Publisher } from "../publisher.ts";
import type { ServerRole, SigningService } from "../signer/signing-service.ts";
import type { MetadataStore, StoredFile } from "../storage/metadata-store.ts";
import { changefeedJson, parseChangeQuery } from "./changefeed.ts";
import {
  consistentCacheControl,
  currentCacheControl,
  fileReply,
  staleCacheControl,
  type CacheAges,
  type CacheControl,
} from "./file-reply.ts";
import { parseMultipart, type UploadLimits } from "./multipart.ts";
import { emptyReply, textReply, type Reply } from "./reply.ts";
import type { UploadBudget } from "./request-body.ts";
import { fileNotFound, storeLost, WireError } from "./wire-error.ts";

/** What the handlers work with. */
export interface HandlerParts {
  readonly store: MetadataStore;
  readonly signer: SigningService;
  readonly reader: CollectionReader;
  readonly publisher: Publisher;
  readonly uploads: UploadBudget;
  readonly limits: UploadLimits;
  readonly cacheAges: CacheAges;
  readonly now: () => Date;
}

/** What is named by its checksum cannot change. That it was deleted, by another server, may be noticed a second later. */
const immutableMaxAgeMs = 1000;

/** See the head of this file. */
export class Handlers {
  readonly #parts: HandlerParts;
  readonly #currentCaching: CacheControl;
  readonly #consistentCaching: CacheControl;

  constructor(parts: HandlerParts) {
    this.#parts = parts;
    this.#currentCaching = currentCacheControl(parts.cacheAges);
    this.#consistentCaching = consistentCacheControl(parts.cacheAges);
  }

  /** GET `<role>.json`. A timestamp that has expired is signed again first. @throws WireError `METADATA_NOT_FOUND` */
  async current(request: IncomingMessage, gun: string, role: RoleName): Promise<Reply> {
    const { reader } = this.#parts;
    const isRenewable = role === "timestamp" || role === "snapshot";
    const { freshness, view } = isRenewable ? await this.#renewed(gun) : await reader.read(gun);
    if (freshness === "absent") throw fileNotFound();
    if (freshness === "stale") return this.#staleFile(request, gun, role, view);
    return this.#file(request, view && (await reader.fileIn(view, gun, role)), this.#currentCaching);
  }

  /** GET `<role>.<sha256>.json`. @throws WireError `METADATA_NOT_FOUND` */
  async byChecksum(request: IncomingMessage, gun: string, role: RoleName, checksum: string): Promise<Reply> {
    const caching = await this.#refresh(gun, immutableMaxAgeMs);
    return this.#file(request, await this.#parts.reader.byChecksum(gun, role, checksum), caching);
  }

  /** GET `<version>.<role>.json`. @throws WireError `METADATA_NOT_FOUND` */
  async byVersion(request: IncomingMessage, gun: string, role: RoleName, version: number): Promise<Reply> {
    const caching = await this.#refresh(gun);
    const file = await this.#parts.reader.byVersion(gun, role, version);
    return this.#file(request, file, file?.isUncertain === true ? staleCacheControl : caching);
  }

  /** POST of a multipart body. @throws WireError, and what `Publisher.publish` throws */
  async publish(request: IncomingMessage, gun: string): Promise<Reply> {
    const { uploads, limits, publisher } = this.#parts;
    return uploads.withBody(request, limits.maxBytes, async (body) => {
      await publisher.publish(gun, filesOf(body, request.headers["content-type"], limits));
      return emptyReply(200);
    });
  }

  /** DELETE of a collection: also a success when there is none. */
  async remove(gun: string): Promise<Reply> {
    await this.#parts.publisher.remove(gun);
    return emptyReply(200);
  }

  /** GET of a server key: the one the current root names, if it is held here, else the one to name next. */
  async key(gun: string, role: ServerRole): Promise<Reply> {
    return textReply(keyJson((await this.#namedKey(gun, role)) ?? (await this.#parts.signer.pendingKey(gun, role))));
  }

  /** POST for a server key: the one to name next. Asking twice without publishing gives the same key. */
  async rotateKey(gun: string, role: ServerRole): Promise<Reply> {
    return textReply(keyJson(await this.#parts.signer.pendingKey(gun, role)));
  }

  /** GET of the changefeed. @throws WireError `INVALID_PARAMETERS` */
  async changefeed(gun: string | undefined, query: URLSearchParams): Promise<Reply> {
    return textReply(changefeedJson(await this.#parts.store.changes(parseChangeQuery(gun, query))));
  }

  async #renewed(gun: string): Promise<Reading> {
    const { reader, publisher, now } = this.#parts;
    const reading = await reader.read(gun);
    if (reading.freshness !== "current" || reading.view === undefined || reading.view.expiresAt > now()) return reading;
    await publisher.renew(gun);
    return reader.read(gun);
  }

  /** What to say to caches about a file whose name never means another one. @throws WireError `METADATA_NOT_FOUND` */
  async #refresh(gun: string, maxAgeMs = 0): Promise<CacheControl> {
    const freshness = await this.#parts.reader.refresh(gun, maxAgeMs);
    if (freshness === "absent") throw fileNotFound();
    return freshness === "stale" ? staleCacheControl : this.#consistentCaching;
  }

  /** While the store cannot be asked: what is still good is given, and said to be perhaps not the newest. */
  async #staleFile(
    request: IncomingMessage,
    gun: string,
    role: RoleName,
    view: CollectionView | undefined,
  ): Promise<Reply> {
    const { reader, now } = this.#parts;
    if (view !== undefined && view.expiresAt <= now()) throw storeLost("UNKNOWN");
    return this.#file(request, view && (await reader.fileIn(view, gun, role)), staleCacheControl);
  }

  #file(request: IncomingMessage, file: StoredFile | undefined, caching: CacheControl): Reply | Promise<Reply> {
    if (file === undefined) throw fileNotFound();
    return fileReply(file, caching, request.headers);
  }

  async #namedKey(gun: string, role: ServerRole): Promise<PublicKey | undefined> {
    for (const keyId of await publishedKeyIds(this.#parts.store, gun, role)) {
      const key = await this.#parts.signer.find(gun, role, keyId);
      if (key !== undefined) return key.publicKey;
    }
    return undefined;
  }
}

/** Member order as Notary's server writes it. */
function keyJson(key: PublicKey): string {
  return JSON.stringify({ keytype: key.keyType, keyval: { public: encodeBase64(key.bytes), private: null } });
}

/** The files of an upload by role. The last part of a role counts, and a timestamp part does not: the server makes its own. */
function filesOf(
  body: Buffer,
  contentType: string | undefined,
  limits: UploadLimits,
): ReadonlyMap<RoleName, Uint8Array> {
  const files = new Map<RoleName, Uint8Array>();
  for (const { fileName, bytes } of parseMultipart(body, contentType, limits)) {
    const role = roleOf(fileName);
    // Off-spec: Notary also refuses a timestamp part that is not JSON, before it ignores it.
    if (role !== "timestamp") files.set(role, bytes);
  }
  return files;
}

function roleOf(fileName: string | undefined): RoleName {
  if (fileName === undefined || fileName === "") throw new WireError("NO_FILENAME");
  const role = fileName.endsWith(".json") ? fileName.slice(0, -".json".length) : fileName;
  if (!isRoleName(role)) throw new WireError("INVALID_ROLE", { detail: role });
  return role;
}
