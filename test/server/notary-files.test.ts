/**
 * The configuration files that come with Notary, for both of its servers, with certificates as its own script makes them: started as they are, with
 * other ports and hosts. The facts are those of its fixtures and of its reference documentation.
 */

import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { startMariadb, startPostgres, tlsSettings } from "../support/database.ts";
import { ask } from "../support/https-request.ts";
import { healthy } from "../support/notary-server.ts";
import { client, freePort, missingPeers, run, Scope, tagsealCommand, type Running } from "../support/peers.ts";
import { makeCertificate, type MadeCertificate } from "../support/token-maker.ts";

const scope = new Scope("notary-files");
const directory = scope.path("fixtures");
const rootCa = join(directory, "root-ca.crt");
const passphrases = { NOTARY_SIGNER_DEFAULT_ALIAS: "timestamp_1", NOTARY_SIGNER_TIMESTAMP_1: "testpassword" };

/** A leaf and the authority between, and never the root: the signer's `client_ca_file` is such a file, too. */
async function writeCertificates(): Promise<void> {
  mkdirSync(directory);
  const root = await makeCertificate({ name: "Notary Testing CA", isCa: true });
  const between = await makeCertificate({ name: "Notary Intermediate Testing CA", isCa: true, issuer: root });
  writeFileSync(rootCa, root.pem);
  for (const name of ["notary-server", "notary-signer"]) {
    const leaf: MadeCertificate = await makeCertificate({ name, dns: [name, "localhost"], issuer: between });
    writeFileSync(join(directory, `${name}.crt`), leaf.pem + between.pem);
    const key = leaf.key.export({ type: "pkcs8", format: "pem" });
    writeFileSync(join(directory, `${name}.key`), key, { mode: 0o600 });
  }
}

interface Ports {
  readonly server: number;
  readonly signer: number;
}

const serverFile = ({ server, signer }: Ports, storage: object): object => ({
  server: { http_addr: `:${server}`, tls_key_file: "./notary-server.key", tls_cert_file: "./notary-server.crt" },
  trust_service: {
    type: "remote",
    hostname: "localhost",
    port: String(signer),
    tls_ca_file: "./root-ca.crt",
    key_algorithm: "ecdsa",
    tls_client_cert: "./notary-server.crt",
    tls_client_key: "./notary-server.key",
  },
  logging: { level: "debug" },
  storage,
});

const signerFile = ({ signer }: Ports, storage: object): object => ({
  server: {
    grpc_addr: `:${signer}`,
    tls_cert_file: "./notary-signer.crt",
    tls_key_file: "./notary-signer.key",
    client_ca_file: "./notary-server.crt",
  },
  logging: { level: "debug" },
  storage,
});

interface Pair {
  readonly server: Running;
  readonly signer: Running;
  readonly url: string;
  readonly ports: Ports;
}

/** More members than Notary's files have, or other values: merged section by section. */
interface Wishes {
  readonly more?: Readonly<Record<string, object>>;
  readonly env?: Readonly<Record<string, string>>;
  /** directories of the embedded databases: Notary has none, or keeps everything in memory */
  readonly data?: boolean;
}

function merged(file: object, more: Readonly<Record<string, object>> = {}): object {
  const sections: [string, unknown][] = Object.entries(more).map(([name, members]) => [
    name,
    { ...Object.assign({}, Object.getOwnPropertyDescriptor(file, name)?.value), ...members },
  ]);
  return { ...file, ...Object.fromEntries(sections) };
}

async function startPair(
  name: string,
  storage: { readonly server: object; readonly signer: object },
  { more, env, data = true }: Wishes = {},
): Promise<Pair> {
  const ports = { server: await freePort(), signer: await freePort() };
  const files = {
    server: join(directory, `server-config.${name}.json`),
    signer: join(directory, `signer-config.${name}.json`),
  };
  writeFileSync(files.server, JSON.stringify(merged(serverFile(ports, storage.server), more)), { mode: 0o600 });
  writeFileSync(files.signer, JSON.stringify(signerFile(ports, storage.signer)), { mode: 0o600 });
  const place = (program: string): string[] => (data ? ["--data", scope.path(`${program}-${name}`)] : []);
  const environment = { HOME: scope.directory, ...passphrases, ...env };
  const signer = await scope.start(
    `signer-${name}`,
    tagsealCommand,
    ["signer", "--config", files.signer, ...place("signer")],
    {
      env: environment,
      ready: (log) => log().includes('"listening"'),
    },
  );
  const url = `https://localhost:${ports.server}`;
  const server = await scope.start(
    `server-${name}`,
    tagsealCommand,
    ["server", "--config", files.server, ...place("server")],
    {
      env: environment,
      ready: () => healthy(url, rootCa),
    },
  );
  return { server, signer, url, ports };
}

async function stop({ server, signer }: Pair): Promise<void> {
  await server.stop();
  await signer.stop();
}

async function publishAndRead({ url, ports }: Pair, name: string): Promise<void> {
  const user = client(scope, { name: `user-${name}`, server: { url, port: ports.server, ca: rootCa } });
  const gun = `docker.io/library/${name}`;
  writeFileSync(scope.path("content"), name);
  await user.notaryOk(["init", "-p", gun]);
  await user.notaryOk(["add", "-p", gun, "v1", scope.path("content")]);
  assert.match((await user.notaryOk(["list", gun])).stdout, /v1/u);
}

before(writeCertificates);
after(() => scope.close());

describe("Notary's own files for server and signer", { skip: missingPeers(["notary"]) }, () => {
  for (const [name, storage] of [
    ["memory", { backend: "memory" }],
    ["sqlite", { backend: "sqlite3", db_url: "/tmp/notary.db" }],
  ] as const) {
    it(`with ${name} start both, healthy, and notary publishes and reads`, async () => {
      const pair = await startPair(name, { server: { ...storage }, signer: { ...storage } });
      assert.equal((await ask(rootCa, "GET", `${pair.url}/_notary_server/health`)).body.toString(), "{}");
      await publishAndRead(pair, name);
      await stop(pair);
    });
  }

  it("with empty texts, other members of theirs, numbers and booleans as texts start both, and name what has no effect", async () => {
    const more = {
      logging: { level: "" },
      server: { client_ca_file: "" },
      reporting: { bugsnag: { api_key: "c9d6", release_stage: "production" } },
      caching: { max_age: { current_metadata: "300", consistent_metadata: 31_536_000 } },
      repositories: { gun_prefixes: "docker.io/ my-own-registry.com/" },
      escrow: { backend: "memory" },
      storage: { database: "notaryserver" },
    };
    const storage = { backend: "memory" };
    const pair = await startPair("texts", { server: storage, signer: storage }, { more });
    for (const setting of ["reporting", "escrow", "storage.database"])
      assert.ok(pair.server.log().includes(`"event":"setting ignored","setting":"${setting}"`), setting);
    await publishAndRead(pair, "texts");
    await stop(pair);
  });

  it("are overridden by variables, and both report a misspelt one with its nearest name", async () => {
    const storage = { backend: "memory" };
    const port = await freePort();
    const env = {
      NOTARY_SERVER_LOGGING_LEVEL: "WARN",
      NOTARY_SERVER_STORGE_DB_URL: "postgres://elsewhere/db",
      TAGSEAL_SERVER_LOGING_LEVEL: "debug",
      NOTARY_SIGNER_STORAGE_BACKENT: "mysql",
      NOTARY_SIGNER_PORT_7899_TCP_ADDR: "10.0.0.1",
      NOTARY_SERVER_CACHING_MAX_AGE_CURRENT_METADATA: "77",
      TAGSEAL_SIGNER_METRICS_HTTP_ADDR: `127.0.0.1:${port}`,
    };
    const pair = await startPair("variables", { server: storage, signer: storage }, { env });
    for (const program of [pair.server, pair.signer]) {
      const told = program
        .log()
        .split("\n")
        .filter((line) => line.includes('"variable without effect"'))
        .map((line) => JSON.parse(line) as Record<string, unknown>);
      assert.deepEqual(
        told.map(({ level, variable, meant }) => `${String(level)} ${String(variable)} ${String(meant)}`).toSorted(),
        [
          "warning NOTARY_SERVER_STORGE_DB_URL NOTARY_SERVER_STORAGE_DB_URL",
          "warning NOTARY_SIGNER_STORAGE_BACKENT NOTARY_SIGNER_STORAGE_BACKEND",
          "warning TAGSEAL_SERVER_LOGING_LEVEL TAGSEAL_SERVER_LOGGING_LEVEL",
        ],
      );
      assert.doesNotMatch(program.log(), /elsewhere/u);
    }
    assert.equal((await fetch(`http://127.0.0.1:${port}/metrics`)).status, 200);
    await publishAndRead(pair, "variables");
    const { headers } = await ask(rootCa, "GET", `${pair.url}/v2/docker.io/library/variables/_trust/tuf/root.json`);
    assert.match(String(headers["cache-control"]), /max-age=77\b/u);
    await stop(pair);
  });

  it("I9: do not start an open server when the variable that was to close it is misspelt", async () => {
    const file = join(directory, "server-config.open.json");
    writeFileSync(file, JSON.stringify({ server: { http_addr: `127.0.0.1:${await freePort()}` } }));
    const args = ["server", "--config", file, "--data", scope.path("open")];
    const env = { HOME: scope.directory, TAGSEAL_SERVER_AUTH_HTPASWD: "/etc/users" };
    const { code, stderr } = await run(tagsealCommand, args, { env });
    assert.notEqual(code, 0);
    assert.match(stderr, /"meant":"TAGSEAL_SERVER_AUTH_HTPASSWD"/u);
    assert.match(stderr, /There is no way to log in/u);
  });

  it("I9: in YAML are refused in one sentence", async () => {
    const file = join(directory, "server-config.yaml");
    writeFileSync(file, 'server:\n  http_addr: ":4443"\n');
    for (const program of ["server", "signer"]) {
      const { code, stderr } = await run(tagsealCommand, [program, "--config", file]);
      assert.notEqual(code, 0);
      assert.match(stderr, /it is YAML by its name, and only JSON is read/u);
    }
  });
});

describe(
  "Notary's own files for a database",
  { skip: missingPeers(["notary", "postgres", "mariadb", "openssl"]) },
  () => {
    for (const [kind, start] of [
      ["postgres", startPostgres],
      ["mysql", startMariadb],
    ] as const) {
      it(`with ${kind} start both, healthy, and notary publishes and reads`, async () => {
        const database = await start(scope, (await tlsSettings(scope, kind)).settings);
        for (const name of ["notaryserver", "notarysigner"]) await database.create(name, "select 1");
        const storage = (name: string): object => ({ backend: kind, db_url: database.url(name) });
        const pair = await startPair(
          kind,
          { server: storage("notaryserver"), signer: storage("notarysigner") },
          { data: false },
        );
        await publishAndRead(pair, kind);
        await stop(pair);
        await database.stop();
      });
    }
  },
);
