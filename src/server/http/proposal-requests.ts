/** Serves requests for proposals, as `collection-requests.ts` serves those for published files. */

import type { IncomingMessage } from "node:http";
import type { LogFields } from "../../service/log.ts";
import type { ProposalEntry } from "../storage/proposal-store.ts";
import type { Proposals } from "../proposals/proposals.ts";
import { answeredChange, answeredRead, requireWritable } from "./answer-bounds.ts";
import { emptyReply, jsonReply, type Reply } from "./reply.ts";
import type { UploadBudget } from "./request-body.ts";
import { fileNotFound, WireError } from "./wire-error.ts";

/** What the handlers work with. */
export interface ProposalHandlerParts {
  readonly proposals: Proposals;
  readonly uploads: UploadBudget;
  readonly isReadOnly: () => boolean;
}

/** The operations on proposals. A server that keeps none answers like one that knows no such paths. */
export class ProposalHandlers {
  readonly #parts: ProposalHandlerParts;

  constructor(parts: ProposalHandlerParts) {
    this.#parts = parts;
  }

  /** GET of what is open. @throws WireError `METADATA_NOT_FOUND` */
  async list(gun: string): Promise<Reply> {
    const proposals = this.#kept();
    return await answeredRead(async () => {
      const entries = await proposals.list(gun);
      return jsonReply(200, JSON.stringify({ proposals: entries.map(entryJson) }));
    });
  }

  /** GET of one. @throws WireError `METADATA_NOT_FOUND` */
  async find(gun: string, id: string): Promise<Reply> {
    const proposals = this.#kept();
    return await answeredRead(async () => {
      const found = await proposals.find(gun, id);
      if (found === undefined) throw fileNotFound();
      return jsonReply(200, found.bytes.toString("utf8"));
    });
  }

  /** POST of one, or of signatures for one. @throws WireError, and what `Proposals.submit` throws */
  async submit(request: IncomingMessage, gun: string, caller: LogFields): Promise<Reply> {
    const { uploads, isReadOnly } = this.#parts;
    const proposals = this.#kept();
    requireWritable(isReadOnly);
    return await uploads.withBody(request, proposals.limits.maxProposalBytes, (body) =>
      answeredChange(async () => jsonReply(200, JSON.stringify(await proposals.submit(gun, body, caller)))),
    );
  }

  /** DELETE of one. @throws WireError `METADATA_NOT_FOUND` */
  async withdraw(gun: string, id: string, caller: LogFields): Promise<Reply> {
    const proposals = this.#kept();
    requireWritable(this.#parts.isReadOnly);
    return await answeredChange(async () => {
      if (!(await proposals.withdraw(gun, id, caller))) throw fileNotFound();
      return emptyReply(200);
    });
  }

  #kept(): Proposals {
    const { proposals } = this.#parts;
    if (proposals.limits.maxProposals > 0) return proposals;
    throw new WireError("METADATA_NOT_FOUND");
  }
}

function entryJson({ id, createdAt, expiresAt, length }: ProposalEntry): object {
  return { id, created: createdAt.toISOString(), expires: expiresAt.toISOString(), bytes: length };
}
