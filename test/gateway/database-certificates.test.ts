/** The certificates with which a gateway and the database of its memory know each other expire one day: metrics, readiness and log say so. */
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { certificates } from "../support/certificates.ts";
import { startPostgres, tlsSettings } from "../support/database.ts";
import { startServing } from "../support/gateway-command.ts";
import { Scope } from "../support/processes.ts";
import { missingPeers } from "../support/requirements.ts";

const days = (count: number): number => count * 86_400_000;

describe(
  "a gateway whose database is reached with certificates",
  {
    skip: missingPeers(["postgres", "openssl"]),
  },
  () => {
    const scope = new Scope("database-certificates");
    after(async () => await scope.close());

    it("shows when they expire, and says when it is time to renew them", async () => {
      const { ca, settings } = await tlsSettings(scope, "postgres");
      const { serverCertificate: cert, serverKey: key } = await certificates(scope, "client");
      const server = await startPostgres(scope, settings);
      await server.create("memory", "select 1");
      const parameters = `sslmode=verify-full&sslrootcert=${ca}&sslcert=${cert}&sslkey=${key}`;
      const url = `postgres://postgres@localhost:${server.port}/memory?${parameters}`;
      let at = Date.now();
      const env = { HOME: scope.directory, DOCKER_CONFIG: scope.path("docker"), TAGSEAL_GATEWAY_DATABASE: url };
      const line = ["gateway", "--listen", "127.0.0.1:0", "--upstream", "registry.example.com"];
      const gateway = await startServing(line, { env, now: () => new Date(at) });
      const expiry = async (purpose: string): Promise<number> => {
        const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
        const name = `tagseal_gateway_certificate_expiry_seconds{purpose="${purpose}"} `;
        return Number(
          metrics
            .split("\n")
            .find((each) => each.startsWith(name))
            ?.slice(name.length),
        );
      };
      const ready = async (): Promise<string> => await (await fetch(`${gateway.url}/readyz`)).text();
      assert.match(await ready(), /"status":"ready"/u);
      for (const purpose of ["database_authorities", "database_certificate"]) {
        const seconds = await expiry(purpose);
        assert.ok(seconds > days(29) / 1000 && seconds <= days(30) / 1000, `${purpose}: ${seconds}`);
      }
      at += days(29);
      assert.match(await ready(), /"status":"degraded".*the certificate expires at [^"]*: renew it/u);
      at += days(2);
      assert.ok((await expiry("database_certificate")) < 0);
      assert.match(await ready(), /the certificate expired at/u);
      await gateway.stop();
      assert.match(gateway.stderr(), /"part":"database_certificate"/u);
    });
  },
);
