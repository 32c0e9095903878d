/** `tagseal server config check`: what an operator reads before a restart, instead of after it. */

import assert from "node:assert/strict";
import { chmodSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { after, before, describe, it, type TestContext } from "node:test";
import { captured } from "../../src/cli/captured-io.ts";
import { main } from "../../src/cli/main.ts";
import { missingPeers, run, Scope, tagsealCommand } from "../support/peers.ts";
import { certificates } from "../support/certificates.ts";
import { startPostgres } from "../support/database.ts";
import { serve, temporaryDirectory } from "./running-server.ts";
import { UploadingPublisher } from "./uploading-publisher.ts";

interface Ended {
  readonly code: number;
  readonly lines: readonly string[];
  readonly stdout: string;
  readonly stderr: string;
}

type Environment = Readonly<Record<string, string>>;

async function check(argv: readonly string[], env: Environment = {}, laterDays = 0): Promise<Ended> {
  const { io, stdout, stderr } = captured({ env, now: () => new Date(Date.now() + laterDays * 86_400_000) });
  const code = await main(["server", "config", "check", ...argv], io);
  return { code, stdout: stdout(), stderr: stderr(), lines: stdout().split("\n").slice(0, -1) };
}

/** A configuration file in a directory, with whatever it names. */
function configured(t: TestContext, content: unknown, files: Readonly<Record<string, string | Buffer>> = {}): string {
  const directory = temporaryDirectory(t);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
  const path = join(directory, "server.json");
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
}

describe("tagseal server config check", { skip: missingPeers(["openssl"]) }, () => {
  const scope = new Scope("config-check");
  let certificate: Buffer;
  let key: Buffer;
  let otherKey: Buffer;
  let ca: Buffer;
  before(async () => {
    const made = await certificates(scope);
    [certificate, key, ca] = [made.serverCertificate, made.serverKey, made.ca].map((path) => readFileSync(path)) as [
      Buffer,
      Buffer,
      Buffer,
    ];
    otherKey = readFileSync(scope.path("certificates", "ca.key"));
  });
  after(() => scope.close());

  it("I9: asks the place of keys only with --connect, and says what is wrong with its URI", async (t) => {
    const data = temporaryDirectory(t);
    const checkStore = async (store: string, ...more: readonly string[]): Promise<readonly string[]> =>
      (await check([...more, "--data", data], { TAGSEAL_SERVER_KEYS_STORE: store, VAULT_ADDR: "http://127.0.0.1:9" }))
        .lines;
    assert.deepEqual(await checkStore("vault:transit"), []);
    const [away, ...others] = await checkStore("vault:transit", "--connect");
    assert.match(away ?? "", /\[KEY_SERVICE_UNAVAILABLE\]$/u);
    assert.deepEqual(others, []);
    assert.match((await checkStore("vault:transit/one"))[0] ?? "", /URI of one key.*\[SERVER_CONFIGURATION\]$/u);
    assert.match((await checkStore("hsm:one"))[0] ?? "", /does not begin with.*\[KEY_URI_INVALID\]$/u);
  });

  it("prints all problems at once, a line each, with a suggestion for a misspelt setting", async (t) => {
    const config = configured(t, {
      server: { http_adr: ":4443", data_directory: "data", tls_cert_file: "none.crt", tls_key_file: "none.key" },
      storage: { max_connections: 0 },
      logging: { level: "info" },
      retention: { dayz: 3 },
    });
    const { code, lines, stderr } = await check(["--config", config]);
    assert.equal(code, 1);
    assert.equal(lines.length, 5, lines.join("\n"));
    assert.match(
      lines[0] ?? "",
      /there is no setting server\.http_adr \(did you mean server\.http_addr\?\) \[SERVER_CONFIGURATION\]$/u,
    );
    assert.match(lines[1] ?? "", /storage\.max_connections must be from 1 to 1000/u);
    assert.match(lines[2] ?? "", /did you mean retention\.days\?/u);
    assert.match(lines[3] ?? "", /^server\.tls_cert_file: cannot read \/.*\/none\.crt: .* \[FILE_UNREADABLE\]$/u);
    assert.match(lines[4] ?? "", /^server\.tls_key_file: cannot read/u);
    assert.match(stderr, /^Checked the settings and 2 files: 5 problems$/mu);
  });

  it("finds nothing to say about what a server starts with, and makes nothing", async (t) => {
    const config = configured(
      t,
      {
        server: { http_addr: ":4443", data_directory: "data", tls_cert_file: "server.crt", tls_key_file: "server.key" },
        auth: { htpasswd: "users", rules: [{ prefix: "*", users: ["*"], actions: ["*"] }] },
      },
      { "server.crt": certificate, "server.key": key, users: `alice:$2y$05$${"a".repeat(53)}\n` },
    );
    const { code, stdout, stderr } = await check(["--config", config]);
    assert.deepEqual([code, stdout], [0, ""], stdout);
    assert.match(stderr, /Checked the settings and 3 files: no problem\n$/u);
    assert.deepEqual(readdirSync(join(config, "..")).toSorted(), ["server.crt", "server.json", "server.key", "users"]);
    const json = JSON.parse((await check(["--config", config, "--json"])).stdout) as { files: unknown[] };
    assert.deepEqual(json.files[0], { setting: "server.tls_cert_file", path: join(config, "..", "server.crt") });
  });

  const broken: readonly (readonly [string, unknown, RegExp])[] = [
    ["a file that is not JSON", "{", /server\.json/u],
    [
      "a key of another certificate",
      { server: { data_directory: "d", tls_cert_file: "server.crt", tls_key_file: "other.key" } },
      /not a certificate and its private key/u,
    ],
    [
      "rules that make no sense",
      { server: { data_directory: "d" }, auth: { htpasswd: "users", rules: [{ prefix: 3 }] } },
      /rule/u,
    ],
    [
      "a password file that is none",
      {
        server: { data_directory: "d" },
        auth: { htpasswd: "other.key", rules: [{ prefix: "*", users: ["*"], actions: ["*"] }] },
      },
      /other\.key/u,
    ],
    [
      "an address to listen on that is none",
      { server: { data_directory: "d", http_addr: "4443" } },
      /server\.http_addr: expected an address/u,
    ],
    [
      "settings that contradict each other",
      { server: { data_directory: "d" }, trust_service: { type: "remote" } },
      /trust_service\.hostname is missing/u,
    ],
    ["nowhere to keep anything", {}, /nothing says where to keep metadata/u],
    ["a database address that is none", { storage: { backend: "postgres", db_url: "postgres://" } }, /postgres/u],
    ["a data directory that is a file", { server: { data_directory: "users" } }, /not a directory/u],
    ["a proxy that is no address", { server: { data_directory: "d", trusted_proxies: ["proxy"] } }, /proxy/u],
  ];
  for (const [what, content, line] of broken) {
    it(`has one line for ${what}`, async (t) => {
      const files = { "server.crt": certificate, "other.key": otherKey, users: `alice:$2y$05$${"a".repeat(53)}\n` };
      const env = { TAGSEAL_SIGNER_PASSPHRASE: "a passphrase of eight" };
      const { code, lines } = await check(["--config", configured(t, content, files)], env);
      assert.deepEqual([code, lines.length], [1, 1], lines.join("\n"));
      assert.match(lines[0] ?? "", line);
    });
  }

  it("warns of a certificate that should have been renewed, and does not pass one that has expired", async (t) => {
    const content = { server: { data_directory: "d", tls_cert_file: "server.crt", tls_key_file: "server.key" } };
    const config = configured(t, content, { "server.crt": certificate, "server.key": key });
    const soon = await check(["--config", config], {}, 28);
    assert.deepEqual([soon.code, soon.stdout], [0, ""]);
    assert.match(soon.stderr, /^warning: server\.tls_cert_file: expires at \S+Z \[CERTIFICATE_INVALID\]$/mu);
    const late = await check(["--config", config], {}, 31);
    assert.deepEqual([late.code, late.lines.length], [1, 1]);
    assert.match(late.lines[0] ?? "", /^server\.tls_cert_file: expired at \S+Z \[CERTIFICATE_INVALID\]$/u);
  });

  it("tries the passphrases on the keys that are there, beside the running server", async (t) => {
    const server = await serve(t, { signerPassphrase: "the right passphrase" });
    await new UploadingPublisher(server.url, "team/app").begin();
    const right = await check(["--data", server.dataDir], { TAGSEAL_SIGNER_PASSPHRASE: "the right passphrase" });
    assert.deepEqual([right.code, right.stdout], [0, ""]);
    const wrong = await check(["--data", server.dataDir], { TAGSEAL_SIGNER_PASSPHRASE: "another passphrase" });
    assert.deepEqual([wrong.code, wrong.lines.length], [1, 1]);
    assert.match(wrong.lines[0] ?? "", /\[PASSPHRASE_WRONG\]$/u);
  });

  it("says nothing secret", async (t) => {
    const config = configured(t, {
      storage: { backend: "postgres", db_url: "postgres://tagseal:hunter2@127.0.0.1:1/db" },
    });
    const { stdout, stderr, code } = await check(["--config", config, "--connect"], {
      TAGSEAL_SIGNER_PASSPHRASE: "sesame sesame",
    });
    assert.equal(code, 1);
    assert.doesNotMatch(stdout + stderr, /hunter2|sesame/u);
  });

  it("asks a remote signer only with --connect", async (t) => {
    const port = await closedPort();
    const config = configured(
      t,
      {
        server: { data_directory: "d" },
        trust_service: {
          type: "remote",
          hostname: "127.0.0.1",
          port,
          tls_ca_file: "ca",
          tls_client_cert: "crt",
          tls_client_key: "key",
        },
      },
      { ca, crt: certificate, key },
    );
    assert.deepEqual((await check(["--config", config])).lines, []);
    const { lines } = await check(["--config", config, "--connect"]);
    assert.equal(lines.length, 1);
    assert.match(lines[0] ?? "", /\[SIGNING_SERVICE_UNREACHABLE\]$/u);
  });

  it("names a file that this account may not read", async (t) => {
    const config = configured(t, { server: { data_directory: "d", client_ca_file: "ca" } }, { ca: "" });
    const directory = join(config, "..");
    chmodSync(directory, 0o755);
    chmodSync(config, 0o644);
    chmodSync(join(directory, "ca"), 0);
    // root may read everything: another account asks then
    const account = process.getuid?.() === 0 ? ["setpriv", "--reuid=54321", "--regid=54321", "--clear-groups"] : [];
    const [program, ...args] = [...account, tagsealCommand, "server", "config", "check", "--config", config] as const;
    const { code, stdout } = await run(program ?? "", args, { cwd: "/", env: { DOCKER_CONFIG: directory } });
    assert.equal(code, 1);
    assert.match(stdout, /server\.client_ca_file: cannot read/u);
  });
});

describe("tagseal server config check --connect", { skip: missingPeers(["postgres"]) }, () => {
  it("asks the database, and changes nothing in it", async (t) => {
    const scope = new Scope("config-check-connect");
    t.after(() => scope.close());
    const server = await startPostgres(scope);
    await server.create("trust", "select 1");
    const env = { TAGSEAL_SIGNER_PASSPHRASE: "a passphrase of eight" };
    const empty = await check(["--database", server.url("trust"), "--connect"], env);
    assert.deepEqual([empty.code, empty.stdout], [0, ""]);
    assert.match(empty.stderr, /lacks \d+ steps of the metadata schema/u);
    assert.equal(
      await server.sql("trust", "select count(*) from information_schema.tables where table_name like 'tagseal%'"),
      "0",
    );
    const missing = await check(["--database", server.url("nothing"), "--connect"], env);
    assert.equal(missing.code, 1);
    assert.match(missing.lines[0] ?? "", /"nothing" does not exist.* \[STORAGE_FAILED\]$/u);
  });
});

/** A port on which no server listens. */
async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const address = server.address();
  await new Promise((done) => server.close(done));
  return typeof address === "object" && address !== null ? address.port : 1;
}
