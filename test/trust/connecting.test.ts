import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { UsageError } from "../../src/errors.ts";
import { MemoryKeyStore } from "../../src/keys/memory-key-store.ts";
import { parseImageReference } from "../../src/reference/image-reference.ts";
import { createThrowawayTls } from "../../src/sandbox/throwaway-tls.ts";
import { type RunningServer, startServer } from "../../src/server/run/start-server.ts";
import type { AccessRequest } from "../../src/login/access-request.ts";
import { signTags } from "../../src/trust/publishing/sign.ts";
import { openTrustContext } from "../../src/trust/open-trust-context.ts";
import type { TrustContext } from "../../src/trust/trust-context.ts";
import type { TrustCredentials } from "../../src/trust/ports.ts";
import type { TrustServerAccess } from "../../src/trust/trust-server/trust-server-client.ts";
import { verifyTag } from "../../src/trust/reading/verify.ts";
import { tagOf } from "./trust-story.ts";

const tls = createThrowawayTls(new Date());
let directory: string;
let server: RunningServer;
let tokenService: Server;
/** `scope` of every token asked for, with who asked */
const tokensAsked: string[] = [];
const asked: AccessRequest[] = [];
let realm: string;
const contexts: TrustContext[] = [];

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "connecting-"));
  const [certFile, keyFile] = [join(directory, "server.crt"), join(directory, "server.key")];
  await writeFile(certFile, tls.certificate);
  await writeFile(keyFile, tls.key);
  tokenService = createServer((request, response) => {
    const query = new URL(request.url ?? "", "http://x").searchParams;
    const user = Buffer.from((request.headers.authorization ?? "").replace("Basic ", ""), "base64").toString();
    tokensAsked.push(`${user || "nobody"} ${query.get("scope")}`);
    response.end(JSON.stringify({ token: `token-for-${query.get("scope")}` }));
  });
  await new Promise<void>((resolve) => tokenService.listen(0, "127.0.0.1", resolve));
  realm = `http://127.0.0.1:${(tokenService.address() as AddressInfo).port}/token`;
  server = await startServer({
    host: "127.0.0.1",
    port: 0,
    dataDir: join(directory, "data"),
    tls: { certFile, keyFile },
    authorise: async (request) => {
      asked.push(request);
      const allowed =
        (request.headers.authorization ?? "").startsWith("Bearer token-for-repository:") ||
        request.gun === "localhost:5000/open/app";
      return allowed ? { allowed } : { allowed, challenge: `Bearer realm="${realm}",service="trust",scope="ignored"` };
    },
  });
});
after(async () => {
  for (const context of contexts) context.close();
  tokenService.close();
  await server.close();
  await rm(directory, { recursive: true });
});

interface Machine {
  readonly trusted?: boolean;
  readonly auths?: object;
  readonly access?: TrustServerAccess;
  readonly credentials?: TrustCredentials;
}

let machines = 0;
async function open(repository: string, machine: Machine = {}): Promise<TrustContext> {
  const dockerConfigDir = join(directory, `machine-${++machines}`);
  const { host, port } = new URL(server.url);
  if (machine.trusted !== false) {
    await mkdir(join(dockerConfigDir, "tls", host), { recursive: true });
    await writeFile(join(dockerConfigDir, "tls", host, "ca.crt"), tls.caCertificate);
  }
  await mkdir(dockerConfigDir, { recursive: true });
  await writeFile(join(dockerConfigDir, "config.json"), JSON.stringify({ auths: machine.auths ?? {} }));
  ok(port !== "");
  const context = await openTrustContext({
    reference: parseImageReference(`localhost:5000/${repository}`),
    dockerConfigDir,
    env: { DOCKER_CONTENT_TRUST_SERVER: `${server.url}/` },
    keys: new MemoryKeyStore(),
    ...(machine.access === undefined ? {} : { access: machine.access }),
    ...(machine.credentials === undefined ? {} : { credentials: machine.credentials }),
  });
  contexts.push(context);
  return context;
}

const alice = { "localhost:5000": { auth: Buffer.from("alice:hunter22").toString("base64") } };

test("the server is trusted by the certificates docker keeps for it, and a trailing slash in the variable is fine", async () => {
  const context = await open("open/app");
  await signTags(context, [tagOf("v1")]);
  equal((await verifyTag(context, "v1")).tag, "v1");
});

test("a server without a trusted certificate is refused, also for images of a registry on localhost", async () => {
  await rejects(verifyTag(await open("open/app", { trusted: false }), "v1"), { code: "TLS_UNTRUSTED" });
});

test("nothing is asked before it is needed: no ping, no token, no credentials for a server that wants none", async () => {
  asked.length = 0;
  tokensAsked.length = 0;
  const context = await open("open/app", { auths: alice });
  await verifyTag(context, "v1");
  ok(asked.every(({ gun, headers }) => gun === "localhost:5000/open/app" && headers.authorization === undefined));
  deepEqual(tokensAsked, []);
});

test("a challenge is answered with the registry's credentials, once for a whole operation", async () => {
  tokensAsked.length = 0;
  await signTags(await open("closed/app", { auths: alice, access: "write" }), [tagOf("v1")]);
  deepEqual(tokensAsked, ["alice:hunter22 repository:localhost:5000/closed/app:push,pull"]);
  tokensAsked.length = 0;
  await verifyTag(await open("closed/app", { auths: alice }), "v1");
  deepEqual(tokensAsked, ["alice:hunter22 repository:localhost:5000/closed/app:pull"]);
});

test("another source of logins is asked instead of docker's: for the collection, once, and only when the server demands one", async () => {
  const asked: unknown[] = [];
  const credentials: TrustCredentials = async ({ registry, repository }) => {
    asked.push({ registry, repository });
    return { kind: "basic", username: "robot", password: "token" };
  };
  tokensAsked.length = 0;
  await verifyTag(await open("open/app", { auths: alice, credentials }), "v1");
  deepEqual(asked, []);
  await signTags(await open("closed/robot", { auths: alice, credentials, access: "write" }), [tagOf("v1")]);
  deepEqual(asked, [{ registry: "localhost:5000", repository: "closed/robot" }]);
  deepEqual(tokensAsked, ["robot:token repository:localhost:5000/closed/robot:push,pull"]);
});

test("a source that knows no login means an anonymous user, not docker's login; one that fails ends the operation", async () => {
  tokensAsked.length = 0;
  await verifyTag(await open("closed/app", { auths: alice, credentials: async () => undefined }), "v1");
  deepEqual(tokensAsked, ["nobody repository:localhost:5000/closed/app:pull"]);
  const broken: TrustCredentials = async () => {
    throw new UsageError("FILE_UNREADABLE", "the vault is sealed");
  };
  const context = await open("closed/app", { auths: alice, credentials: broken });
  await rejects(verifyTag(context, "v1"), { code: "FILE_UNREADABLE", message: /the vault is sealed/u });
});

test("I10: reading asks for no more than reading, a new server key for everything", async () => {
  tokensAsked.length = 0;
  const context = await open("rotated/app", { auths: alice });
  await context.repository.rotateKey("timestamp");
  deepEqual(tokensAsked, ["alice:hunter22 repository:localhost:5000/rotated/app:*"]);
});

test("I6: a token service that is not encrypted gets no password", async () => {
  tokensAsked.length = 0;
  const honest = realm;
  realm = "http://tokens.example.com/token";
  await rejects(verifyTag(await open("closed/app", { auths: alice }), "v1"), { code: "AUTHENTICATION_REFUSED" });
  realm = honest;
  deepEqual(tokensAsked, []);
});
