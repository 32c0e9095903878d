import assert from "node:assert/strict";
import { copyFileSync, writeFileSync } from "node:fs";
import { describe, it, type TestContext } from "node:test";
import { signOnce } from "../../../test/contract/signing-service.ts";
import type { Certificates } from "../../../test/support/certificates.ts";
import { needsOpenssl } from "../../../test/support/openssl.ts";
import { waitUntil } from "../../../test/support/processes.ts";
import { RemoteSigners, signerNow as now, type Using } from "../../../test/support/remote-signers.ts";
import { makeCertificate } from "../../../test/support/token-maker.ts";
import { ServerLog } from "../../service/log.ts";
import { FileWatch } from "../../service/watching/file-watch.ts";
import type { SigningService } from "./signing-service.ts";

const gun = "docker.io/library/alpine";
const silent = new ServerLog({ sink: () => {}, level: "error", now });
const signers = RemoteSigners.forFile();

describe("certificates of signer and server", { skip: needsOpenssl }, () => {
  /** Files that can be replaced, with one authority's certificate in them. */
  function copies(of: Certificates): Certificates {
    const made = {
      ca: signers.fresh("ca"),
      serverCertificate: signers.fresh("certificate"),
      serverKey: signers.fresh("key"),
    };
    replace(made, of);
    return made;
  }

  function replace(files: Certificates, by: Certificates): void {
    copyFileSync(by.ca, files.ca);
    copyFileSync(by.serverCertificate, files.serverCertificate);
    copyFileSync(by.serverKey, files.serverKey);
  }

  /** A signer and a server on it, each with its files; `connect` makes another server with the files as they are then. */
  async function connected(t: TestContext) {
    const [ofSigner, ofServer] = [copies(signers.trusted), copies(signers.trusted)];
    const tls = { certFile: ofSigner.serverCertificate, keyFile: ofSigner.serverKey };
    const running = await signers.signerAt(t, signers.fresh("signer"), { tls, clientCaFile: ofSigner.ca });
    const { serverCertificate: certFile, serverKey: keyFile, ca: caFile } = ofServer;
    const watch = new FileWatch(now);
    const connect = (more: Pick<Using, "watching"> = {}): Promise<SigningService> =>
      signers.use(t, { port: running.port, tablePath: signers.fresh("server.db"), certFile, keyFile, caFile, ...more });
    const server = await connect({ watching: { now, log: silent, watch } });
    return { ofSigner, ofServer, running, watch, server, connect };
  }

  it("are read again on both sides, without a restart", async (t) => {
    const { ofSigner, ofServer, running, watch, server, connect } = await connected(t);
    const { keyId } = await server.pendingKey(gun, "timestamp");

    replace(ofSigner, signers.strange);
    await running.reload();
    await signOnce(server, gun, keyId); // an open connection stays
    const stale = await connect();
    await assert.rejects(stale.check(), { code: "SIGNING_SERVICE_UNREACHABLE" });

    replace(ofServer, signers.strange);
    await watch.reload();
    await signOnce(server, gun, keyId);
  });

  it("are used without a restart: the signer sees the next call under the new name", async (t) => {
    const authority = await makeCertificate({ name: "servers", isCa: true });
    const files = { ca: signers.fresh("ca"), certFile: signers.fresh("certificate"), keyFile: signers.fresh("key") };
    writeFileSync(files.ca, authority.pem);
    const show = async (name: string): Promise<void> => {
      const { pem, key } = await makeCertificate({ name, issuer: authority });
      writeFileSync(files.certFile, pem);
      writeFileSync(files.keyFile, key.export({ type: "pkcs8", format: "pem" }));
    };
    await show("first");
    const callers: unknown[] = [];
    const log = (line: string): void => {
      const { event, caller } = JSON.parse(line) as { event: string; caller?: string };
      if (event === "call") callers.push(caller);
    };
    const { port } = await signers.signerAt(t, signers.fresh("signer"), { clientCaFile: files.ca, log });
    const watch = new FileWatch(now);
    const watching = { now, log: silent, watch };
    const server = await signers.use(t, {
      port,
      tablePath: signers.fresh("server.db"),
      ...files,
      caFile: signers.trusted.ca,
      watching,
    });
    const { keyId } = await server.pendingKey(gun, "timestamp");
    await signOnce(server, gun, keyId);
    await show("second");
    watch.begin();
    t.after(() => watch.stop());
    await waitUntil("the new certificate is shown", async () => {
      await signOnce(server, gun, keyId);
      return callers.at(-1) === "second";
    });
    assert.equal(callers[0], "first");
  });

  it("are kept when the new ones are invalid", async (t) => {
    const { ofSigner, ofServer, running, watch, server } = await connected(t);
    copyFileSync(signers.strange.serverKey, ofSigner.serverKey);
    copyFileSync(signers.strange.serverKey, ofServer.serverKey);
    await assert.rejects(running.reload(), { code: "SERVER_CONFIGURATION" });
    await assert.rejects(watch.reload(), { code: "SERVER_CONFIGURATION" });
    await server.check();
  });
});
