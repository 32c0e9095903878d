/** What the operations of the API share: parameters, headers, errors and shapes, in the words of OpenAPI 3.1. */

import { schemas, text } from "./openapi-schemas.ts";

/** A reference to one of the components below. */
export function ref<Kind extends keyof typeof components>(kind: Kind, name: keyof (typeof components)[Kind] & string) {
  return { $ref: `#/components/${kind}/${name}` };
}

const sha256 = { type: "string", pattern: "^[0-9a-f]{64}$" } as const;
const requestId = { $ref: "#/components/headers/RequestId" };
const noSniff = { $ref: "#/components/headers/NoSniff" };

function error(description: string, headers: Readonly<Record<string, object>> = {}) {
  const schema = { $ref: "#/components/schemas/Errors" };
  return {
    description,
    headers: { "X-Request-Id": requestId, "X-Content-Type-Options": noSniff, ...headers },
    content: { "application/json": { schema } },
  };
}

/** The `components` of the document. */
export const components = {
  parameters: {
    Gun: {
      name: "gun",
      in: "path",
      required: true,
      description:
        "Name of the repository, its slashes as they are: `docker.io/library/alpine`. At most 255 bytes; no empty, `.` or `..` segment, no segment `_trust`, no white space, control characters, `\\` or `*`.",
      schema: { type: "string", maxLength: 255 },
    },
    Role: {
      name: "role",
      in: "path",
      required: true,
      description: "`root`, `targets`, `snapshot`, `timestamp`, or a delegation such as `targets/releases`.",
      schema: { type: "string", pattern: "^(root|snapshot|timestamp|targets(/[-a-z0-9_]+)*)$", maxLength: 255 },
    },
    ServerRole: {
      name: "role",
      in: "path",
      required: true,
      schema: { type: "string", enum: ["snapshot", "timestamp"] },
    },
    Sha256: { name: "sha256", in: "path", required: true, schema: sha256 },
    ProposalId: {
      name: "id",
      in: "path",
      required: true,
      description: "The sha256 of the change without its signatures.",
      schema: sha256,
    },
    Version: { name: "version", in: "path", required: true, schema: { type: "integer", minimum: 1 } },
    Records: {
      name: "records",
      in: "query",
      required: true,
      description: "How many changes at most; 0 means 100, a negative number reads backwards. Never more than 10,000.",
      schema: { type: "integer" },
    },
    ChangeId: {
      name: "change_id",
      in: "query",
      description: "The changes after this one, or before it when reading backwards.",
      schema: { type: "integer", minimum: 0 },
    },
    IfNoneMatch: { name: "If-None-Match", in: "header", description: "Entity tags of what is there.", schema: text },
    AcceptEncoding: {
      name: "Accept-Encoding",
      in: "header",
      description: "`br` and `gzip` are understood, with their weights; `dcz` beside `Available-Dictionary`.",
      schema: text,
    },
    AvailableDictionary: {
      name: "Available-Dictionary",
      in: "header",
      description:
        "SHA-256 of an older version of the file, as a byte sequence of RFC 9651: the difference from it may be sent.",
      schema: text,
    },
  },
  headers: {
    AcceptedCodings: { description: "The codings that a publication may have, beside none.", schema: text },
    UseAsDictionary: { description: "Which files this one is a dictionary for, RFC 9842.", schema: text },
    RequestId: { description: "Names the request in the log: the ID the client sent, or a new one.", schema: text },
    NoSniff: { description: "The type is as declared.", schema: { const: "nosniff" } },
    ETag: { description: "Strong: identifies exactly these bytes on the wire.", schema: text },
    LastModified: { description: "When the file was stored.", schema: text },
    CacheControl: { description: "How long caches may keep the answer.", schema: text },
    Pragma: { description: "Sent with a `Cache-Control` that forbids caching.", schema: { const: "no-cache" } },
    Vary: { description: "The request headers that decide how a file is compressed.", schema: text },
    ContentEncoding: { description: "How the body is compressed.", schema: { enum: ["br", "gzip", "dcz"] } },
    RetryAfter: { description: "Seconds to wait before the next try.", schema: { type: "integer", minimum: 1 } },
    WwwAuthenticate: { description: "How to log in.", schema: text },
  },
  responses: {
    BadRequest: error("Refused; nothing was changed. The code says why."),
    Unauthorized: error("Permission denied: not logged in, or the user lacks this permission.", {
      "Www-Authenticate": { $ref: "#/components/headers/WwwAuthenticate" },
    }),
    NotFound: error("Nothing has this name."),
    TooLarge: error("The upload, or one part of it, is too large."),
    SendWhole: error(
      "The body has a coding that is not understood, or is the difference from a file that is not current. Send it whole.",
      {
        "Accept-Encoding": { $ref: "#/components/headers/AcceptedCodings" },
      },
    ),
    TooManyRequests: error("This client sends too many requests.", {
      "Retry-After": { $ref: "#/components/headers/RetryAfter" },
    }),
    Failed: error("The server failed; nothing was changed. Its log gives the reason under the request's ID."),
    Unavailable: error(
      "Temporarily unavailable: the store or the signer cannot be reached, or too many uploads are under way. Until then no file is reported as current.",
      { "Retry-After": { $ref: "#/components/headers/RetryAfter" } },
    ),
  },
  schemas,
  securitySchemes: {
    token: { type: "http", scheme: "bearer", description: "Docker's token authentication." },
    password: { type: "http", scheme: "basic" },
    certificate: { type: "mutualTLS" },
  },
} as const;
