/**
 * The whole API as an OpenAPI 3.1 document, served at `/openapi.json`. A test sends every documented request to a running server and compares.
 */

import { components, ref } from "./openapi-components.ts";
import { answer, json, limited, named, noSniff, type PathItem, plainJson, refusals } from "./openapi-parts.ts";
import { proposal, proposals } from "./openapi-proposals.ts";
import { jsonReply, type Reply } from "./reply.ts";
import type { Route } from "./route.ts";

const fileHeaders = {
  ETag: ref("headers", "ETag"),
  "Last-Modified": ref("headers", "LastModified"),
  "Cache-Control": ref("headers", "CacheControl"),
  Pragma: ref("headers", "Pragma"),
  Vary: ref("headers", "Vary"),
  "Use-As-Dictionary": ref("headers", "UseAsDictionary"),
  "Accept-Encoding": ref("headers", "AcceptedCodings"),
};

function fileOperation(operationId: string, summary: string, ...parameters: object[]) {
  const contentHeaders = { "Content-Encoding": ref("headers", "ContentEncoding"), "X-Content-Type-Options": noSniff };
  const file = {
    description: "The file, byte for byte as it was signed: JSON, though the type does not say so.",
    headers: { ...fileHeaders, ...contentHeaders },
    content: { "text/plain": {} },
  };
  return {
    operationId,
    tags: ["metadata"],
    summary,
    parameters: [
      ref("parameters", "Gun"),
      ...parameters,
      ref("parameters", "IfNoneMatch"),
      ref("parameters", "AcceptEncoding"),
      ref("parameters", "AvailableDictionary"),
    ],
    responses: {
      "200": file,
      "304": { description: "The client has it already.", headers: fileHeaders },
      "404": ref("responses", "NotFound"),
      ...refusals,
    },
  };
}

function keyOperation(operationId: string, summary: string, headers: object = {}) {
  return {
    operationId,
    tags: ["publishing"],
    summary,
    parameters: [ref("parameters", "Gun"), ref("parameters", "ServerRole")],
    responses: {
      "200": {
        description: "A public key of the server.",
        headers: { "X-Content-Type-Options": noSniff, ...headers },
        content: plainJson(ref("schemas", "PublicKey")),
      },
      ...refusals,
    },
  };
}

function changefeedOperation(operationId: string, summary: string, ...parameters: object[]) {
  return {
    operationId,
    tags: ["changefeed"],
    summary,
    parameters: [...parameters, ref("parameters", "Records"), ref("parameters", "ChangeId")],
    responses: {
      "200": {
        description: "Changes: new timestamps and deletions.",
        headers: { "X-Content-Type-Options": noSniff },
        content: plainJson(ref("schemas", "Changes")),
      },
      ...refusals,
    },
  };
}

function monitoring(operationId: string, summary: string, responses: object) {
  return { operationId, tags: ["monitoring"], summary, security: [{}], responses };
}

/** Operations for which the operator may require a login. */
function protectable(operationId: string, summary: string, responses: object) {
  const refused = { "401": ref("responses", "Unauthorized"), "500": ref("responses", "Failed") };
  return { operationId, tags: ["monitoring"], summary, responses: { ...responses, ...refused } };
}

function failure(description: string, content: object) {
  const headers = { "X-Content-Type-Options": noSniff, "X-Request-Id": ref("headers", "RequestId") };
  return { description, headers, content };
}

const collection: PathItem = {
  post: {
    operationId: "updateTUF",
    tags: ["publishing"],
    summary: "Publish files: all of them, or none",
    parameters: [ref("parameters", "Gun")],
    requestBody: {
      required: true,
      content: {
        "multipart/form-data": {
          schema: {
            type: "object",
            description:
              "A part for each file; its file name, not its field name, is the role. The server makes the timestamp and, if it holds that key, the snapshot. After a restore, parts named <version>.root bring back lost roots that lead to the one in the upload, and <version>.snapshot and <version>.timestamp are files this server signed and lost: the versions it makes now are higher.",
            properties: { files: { type: "array", items: { type: "string", contentMediaType: "application/json" } } },
          },
        },
      },
    },
    responses: {
      "200": { description: "Everything is on disk, and readers get it from now on.", headers: named },
      "413": ref("responses", "TooLarge"),
      "415": ref("responses", "SendWhole"),
      ...refusals,
    },
  },
  delete: {
    operationId: "deleteTUF",
    tags: ["publishing"],
    summary: "Delete everything of a repository",
    parameters: [ref("parameters", "Gun")],
    responses: {
      "200": { description: "Nothing of it is left, or it never existed.", headers: named },
      ...refusals,
    },
  },
};

/** The paths of each route. A route without paths here does not compile. */
const pathsOfRoutes: Readonly<Record<Route["kind"], Readonly<Record<string, PathItem>>>> = {
  ping: {
    "/v2/": {
      get: {
        operationId: "ping",
        tags: ["monitoring"],
        summary: "Whether this is a server of this API, and how to log in to it",
        responses: {
          "200": answer("It is.", plainJson({ type: "object", additionalProperties: false })),
          "401": ref("responses", "Unauthorized"),
          ...limited,
        },
      },
    },
  },
  current: {
    "/v2/{gun}/_trust/tuf/{role}.json": {
      get: fileOperation("getRole", "The current file of a role", ref("parameters", "Role")),
    },
  },
  checksum: {
    "/v2/{gun}/_trust/tuf/{role}.{sha256}.json": {
      get: fileOperation(
        "getRoleByHash",
        "The file of a role that has this checksum",
        ref("parameters", "Role"),
        ref("parameters", "Sha256"),
      ),
    },
  },
  version: {
    "/v2/{gun}/_trust/tuf/{version}.{role}.json": {
      get: fileOperation(
        "getRoleByVersion",
        "The file of a role that has this version",
        ref("parameters", "Version"),
        ref("parameters", "Role"),
      ),
    },
  },
  proposals: { "/v2/{gun}/_trust/proposals/": proposals },
  proposal: { "/v2/{gun}/_trust/proposals/{id}": proposal },
  collection: { "/v2/{gun}/_trust/tuf/": collection },
  key: {
    "/v2/{gun}/_trust/tuf/{role}.key": {
      get: keyOperation("getKey", "The key that the current root names for a role, else the one to name next"),
      post: keyOperation("rotateKey", "The key to name next; the same one until it is published", named),
    },
  },
  changefeed: {
    "/v2/{gun}/_trust/changefeed": {
      get: changefeedOperation("changefeed", "Changes of one repository", ref("parameters", "Gun")),
    },
    "/v2/_trust/changefeed": { get: changefeedOperation("wholeChangefeed", "Changes of all repositories") },
  },
  health: {
    "/_notary_server/health": {
      get: protectable("health", "Whether every operation works now", {
        "200": answer("All is well.", json(ref("schemas", "HealthFailures"))),
        "503": failure("What failed.", json(ref("schemas", "HealthFailures"))),
      }),
    },
  },
  live: {
    "/_tagseal/live": {
      get: monitoring("live", "Whether the process answers", {
        "200": answer("It does.", json({ type: "object", properties: { status: { const: "live" } } })),
      }),
    },
  },
  ready: {
    "/_tagseal/ready": {
      get: protectable("ready", "Whether requests should be sent here", {
        "200": answer(
          "Ready, or degraded: sending requests here is better than sending none.",
          json(ref("schemas", "Readiness")),
        ),
        "503": failure("Unready: the embedded store cannot be read.", json(ref("schemas", "Readiness"))),
      }),
    },
  },
  metrics: {
    "/metrics": {
      get: protectable("metrics", "Numbers for Prometheus", {
        "200": answer("Text format 0.0.4.", { "text/plain": {} }),
      }),
    },
  },
  openapi: {
    "/openapi.json": {
      get: monitoring("openapi", "This document", { "200": answer("It.", json({ type: "object" })) }),
    },
  },
  token: {
    "/_tagseal/token": {
      get: {
        operationId: "token",
        tags: ["login"],
        summary: "A token in exchange for a password, where this server issues tokens itself",
        security: [{}, { password: [] }],
        responses: {
          "200": {
            description: "A token; without a password, an anonymous one.",
            headers: { "X-Content-Type-Options": noSniff, "Cache-Control": ref("headers", "CacheControl") },
            content: json(ref("schemas", "Token")),
          },
          "401": ref("responses", "Unauthorized"),
          "404": ref("responses", "NotFound"),
          "429": ref("responses", "TooManyRequests"),
        },
      },
    },
  },
};

/** The OpenAPI document of the whole API. */
export const openapi = {
  openapi: "3.1.0",
  info: {
    title: "Tagseal trust server",
    version: "1",
    description:
      "The protocol of Notary v1 and what Tagseal adds to it. HEAD works wherever GET does. Every error, and every answer to a change, names its request in `X-Request-Id`. Answers are never redirects.",
    license: { name: "Apache-2.0", identifier: "Apache-2.0" },
  },
  servers: [{ url: "/" }],
  security: [{}, { token: [] }, { password: [] }, { certificate: [] }],
  tags: [
    { name: "metadata", description: "Reading what is signed." },
    { name: "publishing", description: "Changing it." },
    { name: "changefeed", description: "What changed, in order." },
    { name: "login" },
    { name: "monitoring", description: "For probes and dashboards. The operator may require a login." },
  ],
  paths: Object.assign({}, ...Object.values(pathsOfRoutes)) as Readonly<Record<string, PathItem>>,
  components,
};

const body = JSON.stringify(openapi);

/** Answers with the document. */
export function openapiReply(): Reply {
  return jsonReply(200, body);
}
