/** Serves requests: one method for each kind. Errors are thrown as `WireError` or by the layers below. */

import type { IncomingMessage } from "node:http";
import { encodeBase64 } from "../../encoding/base64.ts";
import type { PublicKey } from "../../crypto/public-key.ts";
import type { RoleName, ServerRole } from "../../tuf/metadata.ts";
import { answeredWithin } from "../../service/answered-within.ts";
import type { CollectionReader } from "../collections/collection-reader.ts";
import { serverKey } from "../collections/published-keys.ts";
import type { Publications, Upload } from "../collections/publications.ts";
import type { LogFields, ServerLog } from "../../service/log.ts";
import type { SigningService } from "../signer/signing-service.ts";
import type { StoredFile } from "../storage/stored-file.ts";
import type { MetadataStore } from "../storage/metadata-store.ts";
import { answeredChange, answeredRead, readingMs, requireWritable } from "./answer-bounds.ts";
import { changefeedJson, parseChangeQuery } from "./changefeed.ts";
import {
  consistentCacheControl,
  currentCacheControl,
  fileReply,
  unconfirmedCacheControl,
  type CacheAges,
  type CacheControl,
} from "./file-reply.ts";
import { announcement, type CodedUploads } from "./coded-uploads.ts";
import type { DictionaryReplies } from "./dictionary-replies.ts";
import { currentFile, fileByVersion } from "./stored-files.ts";
import { parseMultipart, type UploadLimits } from "./multipart-reader.ts";
import { emptyReply, textReply, type Reply } from "./reply.ts";
import type { UploadBudget } from "./request-body.ts";
import { uploadOf } from "./upload.ts";
import { fileNotFound, storeLost, WireError } from "./wire-error.ts";

/** What the handlers work with. */
export interface HandlerParts {
  readonly store: MetadataStore;
  readonly signer: SigningService;
  readonly log: ServerLog;
  readonly reader: CollectionReader;
  readonly publications: Publications;
  readonly uploads: UploadBudget;
  readonly dictionaries: DictionaryReplies;
  readonly codedUploads: CodedUploads;
  readonly limits: UploadLimits;
  readonly cacheAges: CacheAges;
  /** while true, nothing is published, deleted or rotated */
  readonly isReadOnly: () => boolean;
  readonly now: () => Date;
}

/** A file named by its checksum cannot change. Its deletion by another server may be noticed up to a second later. */
const immutableMaxAgeMs = 1000;

/** for a file that is not in memory while the store is unavailable: a database replica that lags behind may have it */
const lostPatienceMs = 1000;

/** The operations of the API. */
export class Handlers {
  readonly #parts: HandlerParts;
  readonly #currentCaching: CacheControl;
  readonly #consistentCaching: CacheControl;
  readonly #announcingCaching: CacheControl;

  constructor(parts: HandlerParts) {
    this.#parts = parts;
    this.#currentCaching = currentCacheControl(parts.cacheAges);
    this.#announcingCaching = { ...this.#currentCaching, ...announcement };
    this.#consistentCaching = consistentCacheControl(parts.cacheAges);
  }

  /**
   * GET `<role>.json`, as the store confirms it for this request. A timestamp that has expired is signed again first.
   *
   * @throws WireError `METADATA_NOT_FOUND`; `UNKNOWN` with 503 while the store cannot confirm what is current
   */
  async current(request: IncomingMessage, gun: string, role: RoleName): Promise<Reply> {
    return answeredRead(async () => {
      const file = await currentFile(this.#parts, gun, role);
      if (role !== "timestamp") return this.#fileReply(gun, file, this.#currentCaching, request);
      // Publishers ask for it first, and learn here in which form they may send.
      const caching = this.#parts.codedUploads.isSupported ? this.#announcingCaching : this.#currentCaching;
      return fileReply(file, caching, request.headers);
    });
  }

  /**
   * GET `<role>.<sha256>.json`.
   *
   * @throws WireError `METADATA_NOT_FOUND`; `UNKNOWN` with 503 when it is not in memory and the store cannot say whether it exists
   */
  async byChecksum(request: IncomingMessage, gun: string, role: RoleName, checksum: string): Promise<Reply> {
    const { reader } = this.#parts;
    const freshness = await reader.refresh(gun, immutableMaxAgeMs);
    if (freshness === "absent") throw fileNotFound();
    const isKnown = freshness === "current";
    const file = await answeredWithin(
      reader.byChecksum(gun, role, checksum),
      isKnown ? readingMs : lostPatienceMs,
      () => storeLost("UNKNOWN"),
    );
    if (file === undefined) throw isKnown ? fileNotFound() : storeLost("UNKNOWN");
    return this.#fileReply(gun, file, isKnown ? this.#consistentCaching : unconfirmedCacheControl, request);
  }

  /** GET `<version>.<role>.json`: another file after a collection was deleted and created again. @throws WireError as {@link current} */
  async byVersion(request: IncomingMessage, gun: string, role: RoleName, version: number): Promise<Reply> {
    return answeredRead(async () => {
      const file = await fileByVersion(this.#parts, gun, role, version);
      return this.#fileReply(gun, file, this.#consistentCaching, request);
    });
  }

  /** As a difference from what the client has, if it asks for that. Others are answered without a detour. */
  async #fileReply(gun: string, file: StoredFile, caching: CacheControl, { headers }: IncomingMessage): Promise<Reply> {
    const { dictionaries } = this.#parts;
    if (headers["available-dictionary"] === undefined) return fileReply(file, caching, headers);
    return (await dictionaries.find(gun, file, caching, headers)) ?? fileReply(file, caching, headers);
  }

  /** POST of a multipart body. @throws WireError, and what `Publications.publish` throws */
  async publish(request: IncomingMessage, gun: string, caller: LogFields): Promise<Reply> {
    const { uploads, limits, codedUploads } = this.#parts;
    const { headers } = request;
    requireWritable(this.#parts.isReadOnly);
    return uploads.withBody(request, limits.maxBytes, (received) =>
      codedUploads.withDecoded(gun, headers["content-encoding"], received, async (body) => {
        const parts = parseMultipart(body, headers["content-type"], limits);
        const upload = uploadOf(parts.values().map(({ fileName, bytes }) => [nameOf(fileName), bytes]));
        return this.#published(gun, upload, caller);
      }),
    );
  }

  async #published(gun: string, upload: Upload, caller: LogFields): Promise<Reply> {
    return answeredChange(async () => {
      await this.#parts.publications.publish(gun, upload, caller);
      return emptyReply(200);
    });
  }

  /** DELETE of a collection: a success even when there is none. */
  async remove(gun: string, caller: LogFields): Promise<Reply> {
    requireWritable(this.#parts.isReadOnly);
    return answeredChange(async () => {
      await this.#parts.publications.remove(gun, caller);
      return emptyReply(200);
    });
  }

  /** GET of a server key: the one the current root names, if it is held here, else the one to name next. */
  async key(gun: string, role: ServerRole): Promise<Reply> {
    return answeredChange(async () => textReply(keyJson(await serverKey(this.#parts, gun, role))));
  }

  /** POST for a server key: the one to name next. Asking twice without publishing gives the same key. */
  async rotateKey(gun: string, role: ServerRole, caller: LogFields): Promise<Reply> {
    requireWritable(this.#parts.isReadOnly);
    return answeredChange(async () => {
      const key = await this.#parts.signer.pendingKey(gun, role);
      this.#parts.log.write("info", "a new server key was asked for", { gun, role, keyId: key.keyId, ...caller });
      return textReply(keyJson(key));
    });
  }

  /** GET of the changefeed. @throws WireError `INVALID_PARAMETERS` */
  async changefeed(gun: string | undefined, query: URLSearchParams): Promise<Reply> {
    const wanted = parseChangeQuery(gun, query);
    return answeredRead(async () => textReply(changefeedJson(await this.#parts.store.changes(wanted))));
  }
}

/** Member order as Notary's server writes it. */
function keyJson(key: PublicKey): string {
  return JSON.stringify({ keytype: key.keyType, keyval: { public: encodeBase64(key.bytes), private: null } });
}

function nameOf(fileName: string | undefined): string {
  if (fileName === undefined || fileName === "") throw new WireError("NO_FILENAME");
  return fileName.endsWith(".json") ? fileName.slice(0, -".json".length) : fileName;
}
