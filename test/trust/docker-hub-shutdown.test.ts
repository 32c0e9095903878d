/**
 * Docker Hub's trust server after Docker closed it. Whatever answers in its place, or does not, a reader is told that it was shut down and how to
 * continue. A proxy on loopback leads `notary.docker.io` to a server of the test's.
 */
import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer as createHttpServer, type RequestListener, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { connect, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { exitCodeFor } from "../../src/cli/exit-code.ts";
import { TagsealError } from "../../src/errors.ts";
import { parseImageReference } from "../../src/reference/image-reference.ts";
import { openTrustContext } from "../../src/trust/open-trust-context.ts";
import type { TrustContext } from "../../src/trust/trust-context.ts";
import { verifyTag } from "../../src/trust/reading/verify.ts";
import { missingPeers, Scope } from "../support/peers.ts";
import { certificates } from "../support/certificates.ts";

const afterwards = new Date("2027-01-15T12:00:00Z");
const today = new Date("2026-11-28T12:00:00Z");

describe("Docker Hub's trust server, once it is closed", { skip: missingPeers(["openssl"]) }, () => {
  const scope = new Scope("hub-shutdown");
  const directory = mkdtempSync(join(tmpdir(), "hub-"));
  const servers: Server[] = [];
  const contexts: TrustContext[] = [];
  let answer: RequestListener;
  let proxy: string;

  before(async () => {
    const { ca, serverCertificate, serverKey } = await certificates(scope, "hub", ["notary.docker.io"]);
    const tls = { cert: readFileSync(serverCertificate), key: readFileSync(serverKey) };
    const hub = createTlsServer(tls, (request, response) => answer(request, response));
    const port = await listening(hub);
    const tunnel = createHttpServer().on("connect", (_request, client) => {
      const target = connect(port, "127.0.0.1", () => client.write("HTTP/1.1 200 OK\r\n\r\n"));
      for (const socket of [client, target]) socket.on("error", () => socket.destroy());
      client.pipe(target).pipe(client);
    });
    proxy = `http://127.0.0.1:${await listening(tunnel)}`;
    servers.push(hub, tunnel);
    mkdirSync(join(directory, "knows", "tls", "notary.docker.io"), { recursive: true });
    copyFileSync(ca, join(directory, "knows", "tls", "notary.docker.io", "ca.crt"));
  });
  after(async () => {
    for (const context of contexts) context.close();
    for (const server of servers) {
      server.closeAllConnections();
      server.close();
    }
    rmSync(directory, { recursive: true });
    await scope.close();
  });

  async function listening(server: Server): Promise<number> {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return (server.address() as AddressInfo).port;
  }

  /** The failure of a verification of `alpine` at a moment. */
  async function failure(
    now: Date,
    given: { image?: string; config?: string; env?: object } = {},
  ): Promise<TagsealError> {
    const context = await openTrustContext({
      reference: parseImageReference(given.image ?? "alpine"),
      dockerConfigDir: join(directory, given.config ?? "knows"),
      env: { HTTPS_PROXY: proxy, ...given.env },
      now: () => now,
    });
    contexts.push(context);
    const outcome = await verifyTag(context, "3.20").catch((error: unknown) => error);
    ok(outcome instanceof TagsealError);
    return outcome;
  }

  const status =
    (code: number, body = ""): RequestListener =>
    (_request, response) =>
      void response.writeHead(code, { "content-type": "text/html" }).end(body);
  const saysSo = /; Docker shut Docker Hub's trust server notary\.docker\.io down on 8 December 2026$/u;
  const saysWhatToDo = /DOCKER_CONTENT_TRUST_SERVER .* digest\. .*: tagseal doctor$/u;

  for (const [what, listener, code, exitCode] of [
    ["404", status(404), "REPOSITORY_NOT_SIGNED", 2],
    ["410", status(410), "TRUST_SERVER_ERROR", 4],
    ["503", status(503), "TRUST_SERVER_ERROR", 4],
    ["403", status(403), "AUTHENTICATION_REFUSED", 1],
    ["a page that is no metadata", status(200, "<html>gone</html>"), undefined, 3],
  ] as const) {
    it(`that answers ${what}: says that it was shut down and what to do`, async () => {
      answer = listener;
      const error = await failure(afterwards);
      if (code !== undefined) equal(error.code, code);
      match(error.message, saysSo);
      match(error.hint ?? "", saysWhatToDo);
      equal(exitCodeFor(error), exitCode);
    });
  }

  it("with a certificate that is not its own: says that it was shut down, and trusts nothing", async () => {
    answer = status(404);
    const error = await failure(afterwards, { config: "stranger" });
    equal(error.code, "TLS_UNTRUSTED");
    match(error.message, saysSo);
  });

  it("that cannot be reached: says that it was shut down", async () => {
    const error = await failure(afterwards, { env: { HTTPS_PROXY: "http://127.0.0.1:1" } });
    equal(error.code, "NETWORK_UNREACHABLE");
    match(error.message, saysSo);
    match(error.hint ?? "", saysWhatToDo);
  });

  it("says so once, however many layers the failure passes", async () => {
    answer = status(404);
    const { message } = await failure(afterwards);
    deepEqual(message.match(/8 December 2026/gu)?.length, 1);
  });

  it("before that day: an unsigned repository is an ordinary answer, and a failure says what is coming", async () => {
    answer = status(404);
    match((await failure(today)).message, /does not have trust data for docker\.io\/library\/alpine$/u);
    answer = status(500);
    match((await failure(today)).message, /; Docker shuts Docker Hub's trust server .* 8 December 2026$/u);
  });

  it("says nothing of the kind about any other server", async () => {
    answer = status(404);
    const env = { DOCKER_CONTENT_TRUST_SERVER: "https://localhost:1" };
    await rejects(
      failure(afterwards, { env }).then((error) => Promise.reject(error)),
      (error: TagsealError) => {
        equal(error.code, "NETWORK_UNREACHABLE");
        return !error.message.includes("Docker Hub");
      },
    );
  });
});
