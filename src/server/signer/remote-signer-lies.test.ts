import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it, type TestContext } from "node:test";
import { signOnce } from "../../../test/contract/signing-service.ts";
import { needsOpenssl } from "../../../test/support/openssl.ts";
import { RemoteSigners, signerNow as now } from "../../../test/support/remote-signers.ts";
import { PrivateKey } from "../../crypto/private-key.ts";
import { ServerLog } from "../../service/log.ts";
import { startGrpcServer } from "./grpc/grpc-server.ts";
import type { KeyDescription, SignatureReply, SignatureRequest } from "./grpc/messages.ts";
import { SignerService } from "./grpc/signer-service.ts";
import { openSignerKeys } from "./signer-keys.ts";
import { defaultSignerLimits } from "./signer-options.ts";
import type { SigningService } from "./signing-service.ts";
import { SqliteKeyTable } from "./sqlite-key-table.ts";

const gun = "docker.io/library/alpine";
const signers = RemoteSigners.forFile();

/** A correct signer, except where a test makes it lie. */
class LyingSigner extends SignerService {
  lieAboutKey = (said: KeyDescription): KeyDescription => said;
  lieAboutSignature = (said: SignatureReply): SignatureReply => said;

  override async createKey(...asked: Parameters<SignerService["createKey"]>): Promise<KeyDescription> {
    return this.lieAboutKey(await super.createKey(...asked));
  }

  override async sign(request: SignatureRequest): Promise<SignatureReply> {
    return this.lieAboutSignature(await super.sign(request));
  }
}

describe("a signer that lies", { skip: needsOpenssl }, () => {
  async function lying(t: TestContext): Promise<{ liar: LyingSigner; server: SigningService }> {
    const table = new SqliteKeyTable(signers.fresh("liar.db"));
    const passphrases = { file: signers.fresh("liar.passphrase") };
    const keys = await openSignerKeys({ table, passphrases, now });
    const liar = new LyingSigner({ table, keys, now, maxPendingKeys: 100, probe: { look: async () => undefined } });
    const pair = {
      cert: readFileSync(signers.trusted.serverCertificate),
      key: readFileSync(signers.trusted.serverKey),
    };
    const tls = { ...pair, clientCa: readFileSync(signers.trusted.ca) };
    const log = new ServerLog({ sink: () => {}, level: "error", now });
    const running = await startGrpcServer({
      service: liar,
      host: "127.0.0.1",
      port: 0,
      tls,
      limits: defaultSignerLimits,
      log,
    });
    t.after(async () => {
      await running.close();
      await table.close();
    });
    return { liar, server: await signers.use(t, { port: running.port, tablePath: signers.fresh("server.db") }) };
  }

  const other = PrivateKey.generate("ecdsa").publicKey;
  const keyLies: Record<string, (said: KeyDescription) => KeyDescription> = {
    "another key under the ID of one": (said) => ({ ...said, publicKey: other.bytes }),
    "a key of another algorithm than asked for": () => {
      const { keyId, keyType: algorithm, bytes: publicKey } = PrivateKey.generate("ed25519").publicKey;
      return { keyId, algorithm, publicKey, role: "" };
    },
    "bytes that are not a key": (said) => ({ ...said, publicKey: Buffer.from("not a key") }),
    "no ID": (said) => ({ ...said, keyId: "" }),
    nothing: () => ({ keyId: "", algorithm: "", publicKey: new Uint8Array(), role: "" }),
  };
  for (const [what, lie] of Object.entries(keyLies)) {
    it(`I9: is refused when it offers ${what}`, async (t) => {
      const { liar, server } = await lying(t);
      liar.lieAboutKey = lie;
      await assert.rejects(server.pendingKey(gun, "timestamp"), { code: "SIGNING_SERVICE_FAILED" });
      liar.lieAboutKey = (said) => said;
      await signOnce(server, gun, (await server.pendingKey(gun, "timestamp")).keyId);
    });
  }

  const signatureLies: Record<string, (said: SignatureReply) => SignatureReply> = {
    "a signature with a changed bit": (said) => ({
      ...said,
      content: said.content.map((byte, at) => (at === 5 ? byte ^ 1 : byte)),
    }),
    "an empty signature": (said) => ({ ...said, content: new Uint8Array() }),
    "another method": (said) => ({ ...said, method: "rsapss" }),
    "no method": (said) => ({ ...said, method: "" }),
  };
  for (const [what, lie] of Object.entries(signatureLies)) {
    it(`I9: is refused when it answers ${what}`, async (t) => {
      const { liar, server } = await lying(t);
      const { keyId } = await server.pendingKey(gun, "timestamp");
      liar.lieAboutSignature = lie;
      await assert.rejects(signOnce(server, gun, keyId), { code: "SIGNING_SERVICE_FAILED" });
    });
  }
});
