/** The operations on proposals, for the OpenAPI document. */

import { ref } from "./openapi-components.ts";
import { answer, json, named, noSniff, type PathItem, refusals } from "./openapi-parts.ts";

const proposalBody = { required: true, content: json(ref("schemas", "Proposal")) };

/** Changes that wait for signatures. A server that keeps none answers 404 to all of these. */
export const proposals: PathItem = {
  get: {
    operationId: "listProposals",
    tags: ["proposals"],
    summary: "The changes that wait for signatures, oldest first",
    parameters: [ref("parameters", "Gun")],
    responses: { "200": answer("What is open.", json(ref("schemas", "Proposals"))), ...refusals },
  },
  post: {
    operationId: "submitProposal",
    tags: ["proposals"],
    summary:
      "Propose a change, or add signatures to one; with the last one needed it is published, whole or not at all",
    parameters: [ref("parameters", "Gun")],
    requestBody: proposalBody,
    responses: {
      "200": {
        ...answer("It is on disk, or published.", json(ref("schemas", "Submitted"))),
        headers: { "X-Content-Type-Options": noSniff, ...named },
      },
      "413": ref("responses", "TooLarge"),
      ...refusals,
    },
  },
};

/** One of them. */
export const proposal: PathItem = {
  get: {
    operationId: "getProposal",
    tags: ["proposals"],
    summary: "One change with the signatures so far",
    parameters: [ref("parameters", "Gun"), ref("parameters", "ProposalId")],
    responses: {
      "200": answer(
        "The proposal. Nothing in it may be believed before it is verified.",
        json(ref("schemas", "Proposal")),
      ),
      "404": ref("responses", "NotFound"),
      ...refusals,
    },
  },
  delete: {
    operationId: "withdrawProposal",
    tags: ["proposals"],
    summary: "Forget a proposal",
    parameters: [ref("parameters", "Gun"), ref("parameters", "ProposalId")],
    responses: {
      "200": { description: "It is forgotten.", headers: named },
      "404": ref("responses", "NotFound"),
      ...refusals,
    },
  },
};
