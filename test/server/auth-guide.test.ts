/** The guide's settings are ones the server takes. */

import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, it } from "node:test";
import { hashSync } from "bcryptjs";
import { openAuthorisation } from "../../src/server/auth/open-authorisation.ts";
import { configuredServer } from "../../src/server/configuration/server-configuration.ts";
import { serverSettings } from "../../src/server/configuration/server-settings.ts";
import { readSettings } from "../../src/server/configuration/settings.ts";
import { ServerLog } from "../../src/service/log.ts";
import { makeCertificate, makeKey } from "../support/token-maker.ts";
import { temporaryDirectory } from "./running-server.ts";

const guide = readFileSync(resolve(import.meta.dirname, "../../docs/server-auth.md"), "utf8");
const examples = [...guide.matchAll(/^```json\n([\s\S]*?)^```$/gmu)].map((match) => match[1] ?? "");
const authority = await makeCertificate({ name: "authority", isCa: true });

describe("the guide to authentication", () => {
  it("shows an example of everything", () => {
    assert.deepEqual(
      [
        "options",
        "jwks",
        "htpasswd",
        "client_ca_file",
        "rules",
        "groups",
        "anonymous_pull",
        "protect_monitoring",
      ].filter((name) => !examples.some((example) => example.includes(`"${name}"`))),
      [],
    );
  });

  for (const [index, example] of examples.entries()) {
    it(`shows settings that work: example ${index + 1}`, async (t) => {
      const directory = join(temporaryDirectory(t), "tagseal");
      mkdirSync(directory);
      writeFileSync(join(directory, "token-issuer.pem"), authority.pem);
      writeFileSync(join(directory, "clients-ca.pem"), authority.pem);
      writeFileSync(join(directory, "token-issuer.jwks"), JSON.stringify({ keys: [makeKey("ec").jwk] }));
      writeFileSync(join(directory, "htpasswd"), `alice:${hashSync("wonderland", 4)}\n`);
      writeFileSync(join(directory, "token-key"), "0".repeat(64));
      const bytes = Buffer.from(example.replaceAll("/etc/tagseal", directory));
      const file = { name: "server.json", directory, bytes };
      const { auth } = configuredServer(readSettings(serverSettings, { file, env: {}, prefixes: [] }), {});
      assert.ok(auth);
      const now = (): Date => new Date();
      const log = new ServerLog({ sink: () => {}, level: "error", now });
      const { authorise } = await openAuthorisation(auth, { now, log });
      const request = { headers: {}, gun: "a", remoteAddress: "127.0.0.1", clientCertificate: undefined };
      assert.equal((await authorise({ ...request, actions: ["push", "pull"] })).allowed, false);
      assert.equal((await authorise({ ...request, actions: ["pull"] })).allowed, auth.anonymousPull ?? false);
    });
  }
});
