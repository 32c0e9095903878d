/** Whether the server could do its work now. Notary v1: health and metrics. */

import { TagsealError } from "../../errors.ts";
import type { SigningService } from "../signer/signing-service.ts";
import type { MetadataStore } from "../storage/metadata-store.ts";
import { Remembered } from "./remembered.ts";
import { jsonReply, type Reply } from "./reply.ts";

/** Probes store and signer when asked, at most once a second. */
export class Health {
  readonly #store: MetadataStore;
  readonly #signer: SigningService;
  readonly #reply = new Remembered(() => this.#probe());

  constructor(store: MetadataStore, signer: SigningService) {
    this.#store = store;
    this.#signer = signer;
  }

  /** 200 `{}`, or 503 naming what failed. */
  reply(): Promise<Reply> {
    return this.#reply.value();
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

/** What strangers are told of a failed probe: the code. Messages name hosts, accounts and paths; they belong in the log. */
export function reasonOf(error: unknown): string {
  return error instanceof TagsealError ? error.code : "INTERNAL";
}
