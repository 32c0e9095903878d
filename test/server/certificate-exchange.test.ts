/**
 * Every certificate of a server, its signer and its database is replaced by one of another authority while readers with warm caches continue, without
 * a signal and without a restart.
 */

import assert from "node:assert/strict";
import { chmodSync, chownSync, copyFileSync, renameSync, writeFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { accountNamed, ownedDirectory, startMariadb, startPostgres, type Database } from "../support/database.ts";
import { ask } from "../support/https-request.ts";
import {
  certificates,
  client,
  freePort,
  missingPeers,
  Scope,
  tagsealCommand,
  waitUntil,
  type Certificates,
  type Client,
  type Running,
} from "../support/peers.ts";
import { openMetadataStore } from "../../src/server/storage/open-metadata-store.ts";

/** Files that a process was told of, and what is in them at first. */
class Files {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  readonly #owner: { uid: number; gid: number } | undefined;

  constructor(scope: Scope, name: string, first: Certificates, owner?: { uid: number; gid: number }) {
    this.#owner = owner;
    const directory = owner === undefined ? undefined : ownedDirectory(scope, name, owner);
    const path = (file: string): string =>
      directory === undefined ? scope.path(`${name}-${file}`) : `${directory}/${file}`;
    [this.ca, this.cert, this.key] = [path("ca.crt"), path("tls.crt"), path("tls.key")];
    this.exchange(first);
  }

  /** As careful scripts do it: beside the old one, and then over it. */
  exchange(by: Certificates): void {
    for (const [from, to] of [
      [by.ca, this.ca],
      [by.serverKey, this.key],
      [by.serverCertificate, this.cert],
    ] as const) {
      copyFileSync(from, `${to}.new`);
      chmodSync(`${to}.new`, 0o600);
      if (this.#owner !== undefined) chownSync(`${to}.new`, this.#owner.uid, this.#owner.gid);
      renameSync(`${to}.new`, to);
    }
  }
}

const gun = "docker.io/library/exchanged";

describe("an exchange of all certificates", { skip: missingPeers(["docker", "notary", "openssl", "postgres"]) }, () => {
  const scope = new Scope("certificate-exchange");
  after(async () => await scope.close());
  let old: Certificates;
  let young: Certificates;
  let database: Database;
  let server: Running;
  let signer: Running;
  let port: number;
  let metricsPort: number;
  let files: { database: Files; toDatabase: Files; signer: Files; toSigner: Files; server: Files };

  before(async () => {
    [old, young] = [await certificates(scope, "old"), await certificates(scope, "young")];
    const owner = accountNamed("postgres");
    files = {
      database: new Files(scope, "database", old, owner),
      toDatabase: new Files(scope, "to-database", old),
      signer: new Files(scope, "signer", old),
      toSigner: new Files(scope, "to-signer", old),
      server: new Files(scope, "server", old),
    };
    const rules = `${files.database.ca}.rules`;
    writeFileSync(rules, "local all all trust\nhostssl all all 127.0.0.1/32 trust clientcert=verify-ca\n");
    chownSync(rules, owner.uid, owner.gid);
    const { ca, cert, key } = files.database;
    const settings = [
      "ssl=on",
      `ssl_ca_file=${ca}`,
      `ssl_cert_file=${cert}`,
      `ssl_key_file=${key}`,
      `hba_file=${rules}`,
    ];
    database = await startPostgres(
      scope,
      settings.flatMap((setting) => ["-c", setting]),
    );
    await database.create("trust", "select 1");
    await startBoth();
  });

  async function startBoth(): Promise<void> {
    const [signerPort, free, serverPort] = [await freePort(), await freePort(), await freePort()];
    [metricsPort, port] = [free, serverPort];
    const ownTls = ({ cert, key }: Files): string[] => ["--tls-cert", cert, "--tls-key", key];
    const where = ["--listen", `127.0.0.1:${signerPort}`, "--data", scope.path("signer-data")];
    const args = ["signer", ...where, ...ownTls(files.signer), "--client-ca", files.signer.ca];
    signer = await scope.start("signer", tagsealCommand, args, {
      env: { HOME: scope.directory, TAGSEAL_SIGNER_METRICS_HTTP_ADDR: `127.0.0.1:${metricsPort}` },
      ready: (log) => log().includes('"listening"'),
    });
    const { ca, cert, key } = files.toDatabase;
    const parameters = `sslmode=verify-full&sslrootcert=${ca}&sslcert=${cert}&sslkey=${key}`;
    const trustService = {
      type: "remote",
      hostname: "localhost",
      port: String(signerPort),
      tls_ca_file: files.toSigner.ca,
      tls_client_cert: files.toSigner.cert,
      tls_client_key: files.toSigner.key,
    };
    const db_url = `postgres://postgres@localhost:${database.port}/trust?${parameters}`;
    const configuration = scope.path("server.json");
    writeFileSync(configuration, JSON.stringify({ storage: { db_url }, trust_service: trustService }));
    const listen = ["server", "--listen", `127.0.0.1:${port}`, "--config", configuration, ...ownTls(files.server)];
    server = await scope.start("server", tagsealCommand, listen, {
      env: { HOME: scope.directory },
      ready: async () => (await ready(old)).startsWith('{"status":"ready"'),
    });
  }

  async function ready({ ca }: Certificates): Promise<string> {
    return (await ask(ca, "GET", `https://localhost:${port}/_tagseal/ready`)).body.toString();
  }

  async function metrics({ ca }: Certificates): Promise<string> {
    return (await ask(ca, "GET", `https://localhost:${port}/metrics`)).body.toString();
  }

  /** Their caches stay, whatever authority they are told to believe. */
  function user(name: string, { ca }: Certificates): Client {
    return client(scope, { name, server: { url: `https://localhost:${port}`, port, ca } });
  }

  async function publish(by: Client, tag: string): Promise<void> {
    writeFileSync(scope.path("content"), tag);
    await by.notaryOk(["add", "-p", gun, tag, scope.path("content")]);
  }

  const sees = async (by: Client): Promise<string> => (await by.dockerOk(["trust", "inspect", "exchanged"])).stdout;

  it("interrupts neither publishers nor readers, and leaves log and health clean", async () => {
    await user("publisher", old).notaryOk(["init", "-p", gun]);
    await publish(user("publisher", old), "first");
    assert.match(await sees(user("docker-reader", old)), /first/u);
    await user("notary-reader", old).notaryOk(["list", gun]);

    const exchanged = (log: string): number => log.split('"read a changed file"').length - 1;
    const { toSigner, ...others } = files;
    // The worst order: the server believes the new authority while the signer still shows its old certificate.
    toSigner.exchange(young);
    const hasRead = (file: string): boolean =>
      new RegExp(`"read a changed file","file":"[^"]*${file}`, "u").test(server.log());
    await waitUntil("the server has read its files", () => hasRead(toSigner.ca) && hasRead(toSigner.cert), 60_000);
    await publish(user("publisher", old), "between");
    for (const each of Object.values(others)) each.exchange(young);
    await database.sql("trust", "select pg_reload_conf()");
    await waitUntil("the signer has read its files", () => exchanged(signer.log()) === 2, 60_000);
    await waitUntil("the new certificate is shown", async () => (await ready(young)) !== "", 60_000);
    // Open connections stay; a database that is restarted, or a connection that broke, is what needs the new files.
    await database.sql(
      "trust",
      "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and application_name = 'tagseal'",
    );
    await waitUntil("all is well", async () => (await ready(young)).startsWith('{"status":"ready"'), 60_000);
    await publish(user("publisher", young), "second");
    assert.match(await sees(user("docker-reader", young)), /second/u);
    assert.match((await user("notary-reader", young).notaryOk(["list", gun])).stdout, /second/u);

    assert.ok(exchanged(server.log()) >= 5, server.log());
    assert.equal(exchanged(signer.log()), 2);
    for (const each of [server, signer]) assert.doesNotMatch(each.log(), /"kept the old state of a file"|"fault"/u);
  });

  it("is measured: both processes say how long each certificate lasts", async () => {
    const text = await metrics(young);
    for (const purpose of [
      "server_certificate",
      "signer_certificate",
      "signer_authorities",
      "database_certificate",
      "database_authorities",
    ]) {
      const line = new RegExp(`^tagseal_server_certificate_expiry_seconds\\{purpose="${purpose}"\\} (\\d+)$`, "mu");
      const seconds = Number(line.exec(text)?.[1]);
      assert.ok(seconds > 29 * 86_400 && seconds <= 30 * 86_400, `${purpose}: ${seconds}`);
    }
    const ofSigner = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
    assert.match(ofSigner, /^tagseal_signer_certificate_expiry_seconds\{purpose="signer_certificate"\} \d+$/mu);
    assert.match(ofSigner, /^tagseal_signer_certificate_expiry_seconds\{purpose="client_authorities"\} \d+$/mu);
    assert.match(ofSigner, /^tagseal_signer_fault\{part="signer_certificate"\} 0$/mu);
  });

  it("that went wrong halfway shows on both, and affects no client", async () => {
    copyFileSync(old.serverKey, files.toDatabase.key);
    writeFileSync(files.toSigner.ca, "rubbish");
    copyFileSync(old.serverKey, files.signer.key);
    const isTold = async (): Promise<boolean> => {
      const reasons = await ready(young);
      return reasons.includes('"database_certificate"') && reasons.includes('"signer_authorities"');
    };
    await waitUntil("the server says what cannot be used", isTold, 60_000);
    await waitUntil("the signer says so", () => signer.log().includes('"kept the old state of a file"'), 60_000);
    const page = async (): Promise<string> => await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
    await waitUntil("the signer counts it", async () =>
      /signer_fault\{part="signer_certificate"\} 1/u.test(await page()),
    );
    await database.sql(
      "trust",
      "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and application_name = 'tagseal'",
    );
    await publish(user("publisher", young), "third");
    assert.match(await sees(user("docker-reader", young)), /third/u);
    for (const each of Object.values(files)) each.exchange(young);
    await waitUntil("all is well", async () => (await ready(young)).startsWith('{"status":"ready"'), 60_000);
  });
});

describe("MariaDB's certificates", { skip: missingPeers(["mariadb", "openssl"]) }, () => {
  it("are exchanged, and connections opened later use the new authority", async () => {
    await using scope = new Scope("mariadb-exchange");
    const [old, young] = [await certificates(scope, "old"), await certificates(scope, "young")];
    const files = new Files(scope, "database", old, accountNamed("mysql"));
    const trusting = new Files(scope, "trusting", old);
    const { ca, cert, key } = files;
    const database = await startMariadb(scope, [`--ssl-cert=${cert}`, `--ssl-key=${key}`, `--ssl-ca=${ca}`]);
    const mayComeIn =
      "grant all on trust.* to clerk@'127.0.0.1' require x509; grant all on trust.* to clerk@localhost require x509";
    await database.create("trust", `create user clerk@'127.0.0.1'; create user clerk@localhost; ${mayComeIn}`);
    const parameters = `sslmode=verify-full&ssl-ca=${trusting.ca}&ssl-cert=${trusting.cert}&ssl-key=${trusting.key}`;
    const store = await openMetadataStore(`mysql://clerk@localhost:${database.port}/trust?${parameters}`);
    try {
      await store.check();
      files.exchange(young);
      trusting.exchange(young);
      await database.run("trust", "flush ssl");
      await database.run("trust", "kill user clerk");
      await waitUntil("the store is found again", () =>
        store.check().then(
          () => true,
          () => false,
        ),
      );
      trusting.exchange(old);
      // no authority verifies the server any more: the content of the files when a connection is opened counts
      const isRefused = async (): Promise<boolean> => {
        await database.run("trust", "kill user clerk");
        return await store.check().then(
          () => false,
          () => true,
        );
      };
      await waitUntil("the old authority is not enough", isRefused);
    } finally {
      await store.close();
    }
  });
});
