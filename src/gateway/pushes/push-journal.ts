/** What is written down about pushes: one line of the log for each manifest and blob that a registry stored or refused, and counts. */
import { currentClient } from "../../service/current-request.ts";
import type { ServerLog } from "../../service/log.ts";
import { increase } from "../../service/metrics.ts";
import { formatReference } from "../../reference/image-reference.ts";
import { isTag } from "../../reference/reference-grammar.ts";
import type { Digest } from "../../reference/digest.ts";
import { refusalOfFailure } from "../gateway-refusal.ts";
import type { PassedRepository } from "../proved-logins.ts";

/** What a push is about. */
export type PushKind = "manifest" | "blob";

/** What a registry stored. */
export interface StoredPush {
  readonly kind: PushKind;
  readonly digest: Digest;
  /** a manifest's, if it was pushed by one */
  readonly tag?: string | undefined;
  /** that came with the last request: earlier ones may have brought more */
  readonly bytes: number;
  /** another repository's blob, of which nothing was sent */
  readonly isMounted?: boolean;
}

/** Numbers for the metrics. */
export interface PushCounts {
  /** by labels */
  readonly pushes: Map<string, number>;
  bytes: number;
  /** requests that push, under way */
  open: number;
}

/** See the top of this file. */
export class PushJournal {
  readonly counts: PushCounts = { pushes: new Map(), bytes: 0, open: 0 };
  readonly #log: ServerLog;

  constructor(log: ServerLog) {
    this.#log = log;
  }

  /** Notes what a registry confirmed. */
  stored(name: PassedRepository, { kind, digest, tag, bytes, isMounted = false }: StoredPush): void {
    increase(this.counts.pushes, `kind="${kind}",outcome="${isMounted ? "mounted" : "stored"}"`);
    const image = formatReference({ ...name, tag: tag !== undefined && isTag(tag) ? tag : undefined, digest });
    const fields = { kind, image, digest, bytes, mounted: isMounted ? true : undefined };
    this.#log.write("info", "pushed", { ...fields, publisher: name.login.user, ...currentClient() });
  }

  /** Notes what was not stored. */
  refused(name: PassedRepository, kind: PushKind, error: unknown): void {
    const { status, reason, message } = refusalOfFailure(error);
    const isCutOff = reason === "CANCELLED";
    const outcome = isCutOff ? "cut_off" : status >= 500 ? "failed" : "refused";
    increase(this.counts.pushes, `kind="${kind}",outcome="${outcome}"`);
    const image = formatReference({ ...name, tag: undefined, digest: undefined });
    const fields = { kind, image, status, reason, error: message };
    this.#log.write("warning", "push refused", { ...fields, publisher: name.login.user, ...currentClient() });
  }
}
