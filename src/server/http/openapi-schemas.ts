/** The shapes of JSON that the API sends and takes, in the words of OpenAPI 3.1. */

import { wireCodes } from "./wire-error.ts";

/** Any text. */
export const text = { type: "string" } as const;

/** The `components.schemas` of the document. */
export const schemas = {
  Errors: {
    description: "At most 1 KiB; always one error.",
    type: "object",
    required: ["errors"],
    properties: {
      errors: {
        type: "array",
        minItems: 1,
        maxItems: 1,
        items: {
          type: "object",
          required: ["code", "message"],
          properties: {
            code: { type: "string", enum: wireCodes },
            message: text,
            detail: { description: "Depends on the code." },
          },
        },
      },
    },
  },
  PublicKey: {
    type: "object",
    required: ["keytype", "keyval"],
    properties: {
      keytype: { type: "string", enum: ["ecdsa", "ed25519", "rsa"] },
      keyval: {
        type: "object",
        required: ["public", "private"],
        properties: { public: { type: "string", description: "base64" }, private: { type: "null" } },
      },
    },
  },
  Proposal: {
    type: "object",
    required: ["tagsealProposal", "gun", "expires", "files"],
    properties: {
      tagsealProposal: { description: "The format.", const: 1 },
      gun: text,
      expires: { type: "string", format: "date-time" },
      files: {
        description: "By role: the file as it would be published, with the signatures so far.",
        type: "object",
      },
    },
  },
  Proposals: {
    type: "object",
    required: ["proposals"],
    properties: {
      proposals: {
        type: "array",
        items: {
          type: "object",
          required: ["id", "created", "expires", "bytes"],
          properties: {
            id: text,
            created: { type: "string", format: "date-time" },
            expires: { type: "string", format: "date-time" },
            bytes: { type: "integer" },
          },
        },
      },
    },
  },
  Submitted: {
    type: "object",
    required: ["id", "state"],
    properties: {
      id: text,
      state: {
        description: "`complete`: it has all signatures, and only the owner can make the snapshot that it needs.",
        type: "string",
        enum: ["open", "complete", "published"],
      },
    },
  },
  Changes: {
    type: "object",
    required: ["count", "records"],
    properties: {
      count: { type: "integer" },
      records: {
        description: "Oldest first, in both reading directions.",
        type: "array",
        items: {
          type: "object",
          required: ["ID", "CreatedAt", "GUN", "Version", "SHA256", "Category"],
          properties: {
            ID: { type: "string", pattern: "^[0-9]+$" },
            CreatedAt: { type: "string", format: "date-time" },
            GUN: text,
            Version: { type: "integer", description: "of the timestamp; 0 for a deletion" },
            SHA256: { type: "string", description: "of the timestamp; empty for a deletion" },
            Category: { type: "string", enum: ["update", "deletion"] },
          },
        },
      },
    },
  },
  HealthFailures: {
    description: "What failed; empty when all is well.",
    type: "object",
    properties: { "DB operational": text, "Trust operational": text },
    additionalProperties: false,
  },
  Readiness: {
    type: "object",
    required: ["status", "reasons"],
    properties: {
      status: { type: "string", enum: ["ready", "degraded", "unready"] },
      reasons: {
        description: "One for each part with a fault.",
        type: "object",
        properties: { store: text, signer: text, freshness: text },
        additionalProperties: false,
      },
    },
  },
  Token: {
    type: "object",
    required: ["token", "access_token", "expires_in", "issued_at"],
    properties: {
      token: text,
      access_token: text,
      expires_in: { type: "integer" },
      issued_at: { type: "string", format: "date-time" },
    },
  },
} as const;
