/** The proposals of one collection on a Tagseal server. */

import { isJsonObject, type JsonObject, type JsonValue, parseJson } from "../../encoding/json.ts";
import { hasCode, MetadataError, NetworkError, TagsealError } from "../../errors.ts";
import type { HttpRequest } from "../../http/client/http-request.ts";
import type { HttpResponse } from "../../http/client/http-response.ts";
import { maxProposalBytes, parseProposal, serialiseProposal } from "../../tuf/notary-v1/proposal-json.ts";
import { type Proposal, proposalId } from "../../tuf/proposals/proposal.ts";
import type { ProposalPlace, SubmittedState } from "../ports.ts";
import { proposalsUnsupported } from "../proposals/proposals-unsupported.ts";

/** A request for one collection's proposals. @param path below `_trust/` */
export type ProposalRequest = (
  request: Pick<HttpRequest, "method" | "body" | "headers" | "acceptGzip">,
  path: string,
  access: "read" | "write",
) => Promise<HttpResponse>;

/** Of a list, and of the answer to a proposal: far more than any server keeps. */
const maxAnswerBytes = 1024 * 1024;
/** The most that a Tagseal server can be set to keep. Each is fetched by those who list them. */
const maxProposals = 1000;
const id = /^[0-9a-f]{64}$/u;

/** Asks a server that may be another one: those of Notary answer that there is no such path. */
export class ProposalClient implements ProposalPlace {
  readonly #send: ProposalRequest;
  readonly #gun: string;
  readonly #server: string;

  constructor(send: ProposalRequest, { gun, server }: { readonly gun: string; readonly server: string }) {
    this.#send = send;
    this.#gun = gun;
    this.#server = server;
  }

  async list(): Promise<readonly string[]> {
    const response = await this.#known(() => this.#send({ method: "GET" }, "proposals/", "read"));
    const entries = memberOf(await response.bytes(maxAnswerBytes), "proposals");
    if (!Array.isArray(entries)) throw this.#malformed("no list of proposals");
    if (entries.length > maxProposals) throw this.#malformed(`more than ${maxProposals} proposals`);
    return entries.map((entry) => {
      const name = isJsonObject(entry) ? entry["id"] : undefined;
      if (typeof name === "string" && id.test(name)) return name;
      throw this.#malformed("a proposal without an ID");
    });
  }

  async find(name: string): Promise<Proposal> {
    const path = `proposals/${name}`;
    const response = await this.#there(name, () => this.#send({ method: "GET", acceptGzip: true }, path, "read"));
    const proposal = parseProposal(await response.bytes(maxProposalBytes));
    if (proposalId(proposal) === name) return proposal;
    throw new MetadataError("PROPOSAL_MALFORMED", `${this.#server} presents another proposal than ${name}`);
  }

  async submit(proposal: Proposal): Promise<SubmittedState> {
    const body = serialiseProposal(proposal);
    const request = { method: "POST", body, headers: { "content-type": "application/json" } } as const;
    const response = await this.#known(() => this.#send(request, "proposals/", "write"));
    const state = memberOf(await response.bytes(maxAnswerBytes), "state");
    if (state === "open" || state === "complete" || state === "published") return state;
    throw this.#malformed("no state of the proposal");
  }

  async withdraw(name: string): Promise<void> {
    const response = await this.#there(name, () => this.#send({ method: "DELETE" }, `proposals/${name}`, "write"));
    response.discard();
  }

  /** A missing proposal and a server without any have the same answer; the list tells them apart. */
  async #there(name: string, send: () => Promise<HttpResponse>): Promise<HttpResponse> {
    try {
      return await send();
    } catch (error) {
      if (!hasCode(error, "METADATA_MISSING")) throw error;
      await this.list();
      throw new MetadataError("PROPOSAL_NOT_FOUND", `there is no proposal ${name} for ${this.#gun}`, {
        cause: error,
        hint: `List what is open: tagseal trust proposals ${this.#gun}`,
      });
    }
  }

  async #known(send: () => Promise<HttpResponse>): Promise<HttpResponse> {
    try {
      return await send();
    } catch (error) {
      if (hasCode(error, "METADATA_MISSING")) throw proposalsUnsupported(this.#server, this.#gun, error);
      if (hasCode(error, "PUBLISH_CONFLICT")) throw this.#overtaken(error);
      throw error;
    }
  }

  #overtaken(cause: TagsealError): MetadataError {
    const message = `another publication overtook this proposal for ${this.#gun}`;
    return new MetadataError("PROPOSAL_OVERTAKEN", message, {
      cause,
      hint: "Propose the change again: it then builds on what is published now.",
    });
  }

  #malformed(what: string): NetworkError {
    return new NetworkError("RESPONSE_MALFORMED", `${this.#server} answered with ${what}`);
  }
}

function memberOf(body: Uint8Array, name: string): JsonValue | undefined {
  const answer: JsonObject | undefined = objectIn(body);
  return answer?.[name];
}

function objectIn(body: Uint8Array): JsonObject | undefined {
  try {
    const value = parseJson(body);
    return isJsonObject(value) ? value : undefined;
  } catch (error) {
    if (error instanceof TagsealError) return undefined;
    throw error;
  }
}
