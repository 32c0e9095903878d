/** Whether the server could do its work now. Notary v1: health and metrics. */

import { setTimeout as after } from "node:timers/promises";
import type { SigningService } from "../signer/signing-service.ts";
import type { MetadataStore } from "../storage/metadata-store.ts";
import { jsonReply, type Reply } from "./reply.ts";

/** A probe writes to the disk, so its outcome is good for a second whoever asks. */
const validForMs = 1000;

/** Probes store and signer when asked, at most once a second. */
export class Health {
  readonly #store: MetadataStore;
  readonly #signer: SigningService;
  #outcome: Promise<Reply> | undefined;

  constructor(store: MetadataStore, signer: SigningService) {
    this.#store = store;
    this.#signer = signer;
  }

  /** 200 `{}`, or 503 naming what failed. */
  async reply(): Promise<Reply> {
    if (this.#outcome === undefined) {
      this.#outcome = this.#probe();
      void after(validForMs, undefined, { ref: false }).then(() => (this.#outcome = undefined));
    }
    return this.#outcome;
  }

  async #probe(): Promise<Reply> {
    const [store, signer] = await Promise.allSettled([this.#store.check(), this.#signer.check()]);
    const failures = {
      ...(store.status === "rejected" && { "DB operational": reasonOf(store.reason) }),
      ...(signer.status === "rejected" && { "Trust operational": reasonOf(signer.reason) }),
    };
    return jsonReply(Object.keys(failures).length === 0 ? 200 : 503, JSON.stringify(failures));
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
