/** Reads manifests that are pushed: bounded for each, and for all that are on their way. */
import type { IncomingMessage } from "node:http";
import type { Pace } from "../../http/client/response-body.ts";
import { maxManifestBytes } from "../../registry/manifest.ts";
import { GatewayRefusal } from "../gateway-refusal.ts";
import { bodyPieces } from "./client-body.ts";

/** Sixteen of the largest; most have some kilobytes. */
const usualBytes = 16 * maxManifestBytes;

/** The memory of one gateway for manifests. */
export class ManifestMemory {
  readonly #maxBytes: number;
  #usedBytes = 0;

  /** @param maxBytes for all manifests at a time */
  constructor(maxBytes: number = usualBytes) {
    this.#maxBytes = maxBytes;
  }

  /**
   * Reads the manifest that a request has, then does `work` with it; the memory counts as used until that has ended.
   *
   * @throws GatewayRefusal `SIZE_INVALID` for a manifest that is too large; `UNAVAILABLE` with 503 while others take the memory
   * @throws TagsealError `CANCELLED` from a client that is gone or too slow
   */
  async withManifest<T>(request: IncomingMessage, pace: Pace, work: (bytes: Buffer) => Promise<T>): Promise<T> {
    if (Number(request.headers["content-length"] ?? 0) > maxManifestBytes) throw tooLarge();
    const read: Uint8Array[] = [];
    let bytes = 0;
    try {
      for await (const piece of bodyPieces(request, pace, new AbortController().signal)) {
        bytes += piece.length;
        this.#usedBytes += piece.length;
        if (bytes > maxManifestBytes) throw tooLarge();
        if (this.#usedBytes > this.#maxBytes) throw busy();
        read.push(piece);
      }
      return await work(Buffer.concat(read));
    } finally {
      this.#usedBytes -= bytes;
    }
  }
}

function tooLarge(): GatewayRefusal {
  return new GatewayRefusal(413, "SIZE_INVALID", `a manifest may have ${maxManifestBytes} bytes at most`);
}

function busy(): GatewayRefusal {
  const headers = { "retry-after": "1" };
  return new GatewayRefusal(503, "UNAVAILABLE", "too many manifests are pushed at once; try again", { headers });
}
