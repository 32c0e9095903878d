/**
 * Liveness and readiness, for whatever decides where requests go and which processes are started again.
 *
 * Ready means: what is asked most, reading, works here. A signer that is gone, a store that takes no writes and timestamps that are late
 * make the server *degraded*: they are named, but it goes on serving, since taking every replica away would break readers hours before
 * anything expires. `/_notary_server/health` is the stricter one, as it always was.
 */

import type { Faults } from "../faults.ts";
import type { SigningService } from "../signer/signing-service.ts";
import type { MetadataStore } from "../storage/metadata-store.ts";
import { reasonOf } from "./health.ts";
import { jsonReply, type Reply } from "./reply.ts";
import { Remembered } from "./remembered.ts";

/** What is looked at. */
export interface ReadinessParts {
  readonly store: MetadataStore;
  readonly signer: SigningService;
  readonly faults: Faults;
}

/** Probes when asked, at most once a second. */
export class Readiness {
  readonly #parts: ReadinessParts;
  readonly #ready = new Remembered(() => this.#probe());

  constructor(parts: ReadinessParts) {
    this.#parts = parts;
  }

  /** The process answers. */
  live(): Reply {
    return jsonReply(200, '{"status":"live"}');
  }

  /** 200 with `ready` or `degraded`, 503 with `unready`; and a reason for each part that is not well. */
  ready(): Promise<Reply> {
    return this.#ready.value();
  }

  async #probe(): Promise<Reply> {
    const { store, signer, faults } = this.#parts;
    const [reading, writing, signing] = await Promise.all([
      faultOf(store.changes({ from: 0, limit: 1, backwards: true })),
      faultOf(store.check()),
      faultOf(signer.check()),
    ]);
    const reasons = { store: reading ?? writing, signer: signing, ...faults.reasons() };
    const isWell = Object.values(reasons).every((fault) => fault === undefined);
    const status = reading === undefined ? (isWell ? "ready" : "degraded") : "unready";
    return jsonReply(reading === undefined ? 200 : 503, JSON.stringify({ status, reasons }));
  }
}

async function faultOf(work: Promise<unknown>): Promise<string | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    return reasonOf(error);
  }
}
