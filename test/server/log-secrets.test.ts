/** I6: whatever happens, and whatever is wrong with a configuration, no line of the log contains a secret. */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it, type TestContext } from "node:test";
import { hashSync } from "bcryptjs";
import { run, tagsealCommand } from "../support/peers.ts";
import { serve, temporaryDirectory } from "./running-server.ts";
import { post, serverKey, tufUrl, UploadingPublisher } from "./uploading-publisher.ts";

/** All secrets have this in them, so that a piece of one is found, too. */
const mark = "Zq9xSECRET";
const gun = "example.com/team/app";

const credentials = (user: string, password: string): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;

describe("I6: no secret is in the log", () => {
  it("of a day of publications, rotations, deletions, failed logins, bad tokens and files that broke", async (t) => {
    const directory = temporaryDirectory(t);
    const htpasswd = join(directory, "htpasswd");
    const hash = hashSync(`${mark}-alice`, 4);
    writeFileSync(htpasswd, `alice:${hash}\n`, { mode: 0o600 });
    const raw: string[] = [];
    const server = await serve(t, {
      auth: {
        basic: { htpasswd, tokenRealm: "https://trust.example.com/_tagseal/token" },
        rules: [{ prefix: "*", users: ["alice"], actions: ["*"] }],
      },
      signerPassphrase: `${mark}-signer-passphrase`,
      logLevel: "debug",
      log: (line) => void raw.push(line),
    });
    const alice = { Authorization: credentials("alice", `${mark}-alice`) };
    const publisher = new UploadingPublisher(server.url, gun);
    publisher.headers = alice;
    await publisher.begin();
    await publisher.addTag("v2");
    await serverKey(server.url, gun, "timestamp", "POST", alice);
    const { token } = (await (await fetch(`${server.url}/_tagseal/token`, { headers: alice })).json()) as {
      token: string;
    };

    for (const Authorization of [
      credentials("alice", `${mark}-wrong`),
      credentials("mallory", `${mark}-wrong`),
      `Basic ${mark}`,
      `Bearer ${mark}.${mark}.${mark}`,
      `Bearer ${token.slice(0, -4)}${mark}`,
      `Negotiate ${mark}`,
      mark,
    ])
      for (const path of ["/v2/", "/_tagseal/token", `/v2/${gun}/_trust/tuf/targets.json`])
        await fetch(`${server.url}${path}?password=${mark}&token=${mark}`, {
          headers: {
            Authorization,
            Cookie: mark,
            "Proxy-Authorization": mark,
            "X-Api-Key": mark,
            Referer: `http://x/?${mark}`,
          },
        });
    // A private key or a passphrase that was uploaded by mistake.
    for (const text of [`-----BEGIN PRIVATE KEY-----\n${mark}\n`, `{"signed":"${mark}"}`, `{"${mark}":1}`, mark])
      for (const role of ["targets", "root"]) {
        const answer = await post(server.url, gun, new Map([[role, Buffer.from(text)]]), alice);
        assert.equal(answer.status, 400);
      }
    await fetch(tufUrl(server.url, gun), {
      method: "POST",
      body: mark,
      headers: { ...alice, "Content-Type": `x/${mark}` },
    });
    await fetch(tufUrl(server.url, gun), { method: "DELETE", headers: alice });

    writeFileSync(htpasswd, `alice:${mark}-in-clear\n`);
    await assert.rejects(server.reload(), (error: Error) => !String(error.stack).includes(mark));

    const text = raw.join("\n");
    for (const event of ["published", "deleted", "access refused", "publication refused"])
      assert.match(text, new RegExp(`"event":"${event}"`, "u"));
    for (const secret of [mark, Buffer.from(`alice:${mark}-alice`).toString("base64"), hash, token])
      assert.ok(
        !text.includes(secret),
        raw.find((line) => line.includes(secret)),
      );
  });
});

interface Broken {
  readonly args?: readonly string[];
  readonly config?: string;
  readonly env?: Readonly<Record<string, string>>;
}

const url = (engine: string): string => `${engine}://trust:${mark}@127.0.0.1:1/trust`;

const broken: Readonly<Record<string, Broken>> = {
  "a PostgreSQL that is not there": { args: ["--database", url("postgres")] },
  "a MariaDB that is not there": { args: ["--database", url("mysql")] },
  "an engine that nobody knows": { args: ["--database", url("oracle")] },
  "an address that is none": { args: ["--database", `postgres://trust:${mark}@@:x/y`] },
  "an address with an option that nobody knows": {
    args: ["--database", `${url("postgres")}?sslpassword=${mark}&x=${mark}`],
  },
  "an address in Notary's form for MySQL": {
    config: JSON.stringify({ storage: { backend: "mysql", db_url: `trust:${mark}@tcp(127.0.0.1:1)/trust` } }),
  },
  "a configuration that is not JSON": { config: `{"storage":{"db_url":"${url("postgres")}"}` },
  "a setting of the wrong kind": { config: JSON.stringify({ storage: { backend: 5, db_url: url("postgres") } }) },
  "a setting that nobody knows": { config: JSON.stringify({ storage: { db_urll: url("postgres") } }) },
  "an address in a variable": { env: { TAGSEAL_SERVER_STORAGE_DB_URL: url("postgres") } },
  "two passphrases of one name": { env: { TAGSEAL_SIGNER_PASSPHRASE: mark, NOTARY_SIGNER_DEFAULT: `${mark}-2` } },
};

describe("I6: no secret is in what is said about a broken configuration:", () => {
  const directory = mkdtempSync(join(tmpdir(), "tagseal-secrets-"));
  after(() => rmSync(directory, { recursive: true, force: true }));

  async function told(t: TestContext, command: string, { args = [], config, env = {} }: Broken): Promise<string> {
    const name = t.name.replaceAll(/\W/gu, "-");
    const file = join(directory, `${name}.json`);
    if (config !== undefined) writeFileSync(file, config, { mode: 0o600 });
    const given = [...args, ...(config === undefined ? [] : ["--config", file])];
    const place = ["--listen", "127.0.0.1:0", "--data", join(directory, name)];
    const options = { env: { HOME: directory, ...env }, timeoutMs: 60_000 };
    const { code, stdout, stderr } = await run(tagsealCommand, [...command.split(" "), ...place, ...given], options);
    assert.notEqual(code, 0, stdout);
    return stdout + stderr;
  }

  for (const [what, how] of Object.entries(broken))
    it(what, async (t) => {
      const text = await told(t, "server --log-level debug", how);
      assert.match(text, /\S/u);
      assert.ok(!text.includes(mark), text);
    });
});
