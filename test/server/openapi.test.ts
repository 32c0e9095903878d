/** The served OpenAPI document against a running server: every operation and every answer it lists, and nothing it does not. */

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { hashSync } from "bcryptjs";
import { sha256Hex } from "../../src/crypto/sha256.ts";
import { openapi } from "../../src/server/http/openapi.ts";
import { parseRoute } from "../../src/server/http/route.ts";
import type { ServerOptions } from "../../src/server/run/server-options.ts";
import { SqliteKeyTable } from "../../src/server/signer/sqlite-key-table.ts";
import { SqliteMetadataStore } from "../../src/server/storage/sqlite-metadata-store.ts";
import { type JsonNode, resolved, schemaFaults } from "../support/json-schema.ts";
import { proposedTag } from "./proposed-tag.ts";
import { serve, temporaryDirectory } from "./running-server.ts";
import { UploadingPublisher } from "./uploading-publisher.ts";

const gun = "docker.io/library/alpine";
const multipart = { "Content-Type": "multipart/form-data; boundary=x" };
const nothingNew = "\r\n--x--\r\n";

interface Operation {
  readonly path: string;
  readonly method: string;
  readonly operationId: string;
  readonly status: string;
  readonly response: JsonNode;
}

/** Servers in the states that the document's answers tell of. */
interface World {
  readonly document: JsonNode;
  readonly rootSha256: string;
  /** one that waits on the open server, and its ID */
  readonly proposal: { readonly id: string; readonly body: string };
  /** URL of the server on which an operation has this outcome */
  readonly urlFor: (operationId: string, status: string) => string;
}

async function world(t: TestContext): Promise<World> {
  const start = async (options: Partial<ServerOptions> = {}): Promise<string> => (await serve(t, options)).url;
  const open = await start();
  const publisher = await new UploadingPublisher(open, gun).begin();
  const proposal = await proposedTag(publisher, "v2");
  await fetch(`${open}/v2/${gun}/_trust/proposals/`, { method: "POST", body: proposal.body });
  const passwords = join(temporaryDirectory(t), "htpasswd");
  writeFileSync(passwords, `alice:${hashSync("wonderland", 4)}\n`);
  const store = new SqliteMetadataStore({ path: join(temporaryDirectory(t), "metadata.db") });
  const keyTable = new SqliteKeyTable(join(temporaryDirectory(t), "signer.db"));
  const protectedBy = {
    anonymousPull: false,
    rules: [{ prefix: "nobody/", users: ["nobody"], actions: ["pull"] as const }],
    protectMonitoring: true,
  };
  const tokenRealm = "https://trust.example/_tagseal/token";
  const giving = { basic: { htpasswd: passwords, tokenRealm }, ...protectedBy };
  const urls: Readonly<Record<string, string>> = {
    closed: await start({ auth: { basic: { htpasswd: passwords }, ...protectedBy } }),
    giving: await start({ auth: giving }),
    stingy: await start({ auth: giving, limits: { readsPerMinute: 1e-9 } }),
    broken: await start({
      auth: { basic: { htpasswd: passwords }, ...protectedBy },
      authorise: async () => Promise.reject(new Error("no")),
    }),
    impatient: await start({ limits: { readsPerMinute: 1e-9, uploadsPerMinute: 1e-9, keyRequestsPerMinute: 1e-9 } }),
    small: await start({ limits: { maxBytes: 5, maxProposalBytes: 5 } }),
    busy: await start({ limits: { maxUploadBytesInMemory: 5 } }),
    failing: await start({ store, keyTable, signerPassphrase: "correct horse battery staple", upkeep: false }),
  };
  await Promise.all([store.close(), keyTable.close()]);
  const states: Readonly<Record<string, string>> = {
    "401": "closed",
    "429": "impatient",
    "500": "broken",
    "413": "small",
  };
  return {
    document: (await (await fetch(`${open}/openapi.json`)).json()) as JsonNode,
    rootSha256: sha256Hex(publisher.published.files.get("root") ?? new Uint8Array()),
    proposal,
    urlFor: (operationId, status) => {
      if (operationId === "token" && status !== "404") return urls[status === "429" ? "stingy" : "giving"] ?? "";
      const hasBody = operationId === "updateTUF" || operationId === "submitProposal";
      if (status === "503") return urls[hasBody ? "busy" : "failing"] ?? "";
      return urls[states[status] ?? ""] ?? open;
    },
  };
}

function operationsOf(document: JsonNode): Operation[] {
  const found: Operation[] = [];
  for (const [path, item] of Object.entries(document["paths"] as JsonNode)) {
    for (const [method, operation] of Object.entries(item as JsonNode)) {
      const { operationId, responses } = operation as { operationId: string; responses: JsonNode };
      for (const [status, response] of Object.entries(responses)) {
        found.push({ path, method, operationId, status, response: resolved(document, response) });
      }
    }
  }
  return found;
}

/** A path with real names in it; for a bad request with one that no repository may have. */
function filled(path: string, name: string, { rootSha256, proposal }: World): string {
  const role = path.endsWith(".key") ? "timestamp" : "root";
  const filledIn = path
    .replace("{gun}", name)
    .replace("{role}", role)
    .replace("{version}", "1")
    .replace("{id}", proposal.id)
    .replace("{sha256}", rootSha256);
  return path.endsWith("changefeed") ? `${filledIn}?records=10` : filledIn;
}

async function perform({ path, method, operationId, status }: Operation, here: World): Promise<Response> {
  const name = status === "400" ? "a//b" : status === "404" ? "no/such" : gun;
  const target = here.urlFor(operationId, status) + filled(path, name, here);
  const headers: Record<string, string> = operationId === "updateTUF" ? { ...multipart } : {};
  if (operationId === "token" && status === "401") headers["Authorization"] = `Basic ${btoa("alice:wrong")}`;
  if (status === "304") headers["If-None-Match"] = "*";
  if (status === "415") headers["Content-Encoding"] = "gzip";
  const url =
    operationId === "wholeChangefeed" && status === "400" ? target.replace("records=10", "records=x") : target;
  const bodies: Readonly<Record<string, string>> = { updateTUF: nothingNew, submitProposal: here.proposal.body };
  const body = bodies[operationId] ?? null;
  return fetch(url, { method: method.toUpperCase(), headers, body, redirect: "error" });
}

const ofTransport: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "date",
  "keep-alive",
  "content-type",
]);
const onlySometimes: ReadonlySet<string> = new Set([
  "pragma",
  "vary",
  "content-encoding",
  "use-as-dictionary",
  "accept-encoding",
]);

describe("the OpenAPI document", () => {
  it("is OpenAPI 3.1, names each operation once, and describes every parameter in its paths", () => {
    const document = JSON.parse(JSON.stringify(openapi)) as JsonNode;
    assert.equal(document["openapi"], "3.1.0");
    const operations = operationsOf(document);
    const names = new Set(operations.map(({ path, method, operationId }) => `${operationId} ${method} ${path}`));
    assert.equal(new Set([...names].map((name) => name.split(" ")[0])).size, names.size);
    for (const [path, item] of Object.entries(document["paths"] as JsonNode)) {
      for (const operation of Object.values(item as JsonNode) as JsonNode[]) {
        const parameters = ((operation["parameters"] as unknown[] | undefined) ?? []).map((node) =>
          resolved(document, node),
        );
        const named = parameters.filter((parameter) => parameter["in"] === "path").map(({ name }) => String(name));
        const inPath = [...path.matchAll(/\{(\w+)\}/gu)].map(([, name = ""]) => name);
        assert.deepEqual(new Set(named), new Set(inPath), path);
      }
    }
  });

  it("is the truth: every answer comes with the status, type, headers and shape it promises", async (t) => {
    const shared = await world(t);
    const { document } = shared;
    const operations = operationsOf(document);
    // What deletes comes last.
    const order = operations.toSorted(
      (one, other) => Number(one.method === "delete") - Number(other.method === "delete"),
    );
    for (const operation of order) {
      const { operationId, status, response } = operation;
      const what = `${operationId} ${status}`;
      const answer = await perform(operation, shared);
      const text = await answer.text();
      assert.equal(String(answer.status), status, `${what}: ${text}`);
      compareHeaders(what, answer.headers, (response["headers"] as JsonNode | undefined) ?? {});
      const content = (response["content"] as JsonNode | undefined) ?? {};
      const type = answer.headers.get("content-type")?.split(";")[0];
      assert.deepEqual(type === undefined ? [] : [type], Object.keys(content), what);
      const schema = type === undefined ? undefined : (content[type] as JsonNode)["schema"];
      if (schema !== undefined) assert.deepEqual(schemaFaults(document, schema, JSON.parse(text)), [], what);
    }
    assert.ok(operations.length > 70);
  });

  it("leaves nothing out: what it does not list is not there", async (t) => {
    const shared = await world(t);
    const { document, urlFor } = shared;
    const open = urlFor("getRole", "200");
    for (const [path, item] of Object.entries(document["paths"] as JsonNode)) {
      const target = filled(path, gun, shared);
      assert.ok(parseRoute(target), path);
      for (const method of ["GET", "POST", "PUT", "DELETE"]) {
        if (method.toLowerCase() in (item as JsonNode)) continue;
        const answer = await fetch(open + target, { method });
        assert.equal(answer.status, 404, `${method} ${path}`);
        assert.doesNotMatch(await answer.text(), /detail/u);
      }
    }
  });
});

function compareHeaders(what: string, headers: Headers, documented: JsonNode): void {
  const promised = new Map(Object.keys(documented).map((name) => [name.toLowerCase(), name]));
  for (const name of headers.keys()) {
    assert.ok(ofTransport.has(name) || promised.has(name), `${what}: the header ${name} is not documented`);
  }
  for (const name of promised.keys()) {
    assert.ok(headers.has(name) || onlySometimes.has(name), `${what}: the header ${name} is missing`);
  }
}
