/** The compose files: valid, confined, every name connected; and their services, started with the variables the files give them. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { after, before, describe, it } from "node:test";
import { serverSettings } from "../../src/server/configuration/server-settings.ts";
import { signerSettings } from "../../src/server/configuration/signer-settings.ts";
import { startPostgres } from "../support/database.ts";
import { composeViolations, parseYaml } from "../support/deploy-tools.ts";
import { ask } from "../support/https-request.ts";
import { assertKnownVariable } from "../support/manifest-rules.ts";
import {
  certificates,
  client,
  freePort,
  missingPeers,
  portAnswers,
  readText,
  Scope,
  tagsealCommand,
  writeLayout,
  type Client,
} from "../support/peers.ts";
import { startSandbox } from "../support/sandbox.ts";

interface Service {
  readonly image: string;
  readonly command?: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly secrets: readonly string[];
  readonly networks?: readonly string[];
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly user: string;
  readonly read_only: boolean;
  readonly cap_drop: readonly string[];
  readonly security_opt: readonly string[];
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly secrets: Readonly<Record<string, { readonly file: string }>>;
  readonly volumes: Readonly<Record<string, unknown>>;
  readonly networks?: Readonly<Record<string, unknown>>;
}

const directory = resolve(import.meta.dirname, "../../deploy/compose");

function read(file: string): Compose {
  return parseYaml(readText(join(directory, file))) as Compose;
}

describe("the compose files", { skip: missingPeers(["deploy tools"]) }, () => {
  for (const file of ["compose.yaml", "replicated.yaml"]) {
    it(`fit the schema of compose files: ${file}`, () => {
      assert.equal(composeViolations(read(file)), undefined);
    });

    it(`I10: confine every service: ${file}`, () => {
      for (const [name, service] of Object.entries(read(file).services)) {
        assert.match(service.user, /^[1-9]\d*:[1-9]\d*$/u, name);
        assert.equal(service.read_only, true, name);
        assert.deepEqual(service.cap_drop, ["ALL"], name);
        assert.deepEqual(service.security_opt, ["no-new-privileges:true"], name);
      }
    });

    it(`I6: hand secrets over as files, each declared and used, and name no variable that is not read: ${file}`, () => {
      const { services, secrets } = read(file);
      const used = Object.values(services).flatMap((service) => service.secrets);
      assert.deepEqual([...new Set(used)].toSorted(), Object.keys(secrets).toSorted());
      for (const service of Object.values(services)) {
        const files = Object.values(service.environment).filter((value) => value.startsWith("/run/secrets/"));
        assert.deepEqual(
          files.map((path) => path.slice("/run/secrets/".length)).toSorted(),
          service.secrets.toSorted(),
        );
        if (service.image !== "tagseal") continue;
        const [table, prefix] =
          service.command?.[0] === "signer"
            ? ([signerSettings, "TAGSEAL_SIGNER_"] as const)
            : ([serverSettings, "TAGSEAL_SERVER_"] as const);
        for (const variable of Object.keys(service.environment)) assertKnownVariable(variable, table, prefix);
      }
    });

    it(`publish no server to other machines while no login is required: ${file}`, () => {
      for (const [name, { command, environment, ports = [] }] of Object.entries(read(file).services)) {
        const isOpen = command?.[0] === "server" && !Object.keys(environment).some((key) => key.includes("_AUTH_"));
        for (const port of ports) assert.ok(!isOpen || port.startsWith("127.0.0.1:"), `${name} publishes ${port}`);
      }
    });

    it(`connect services, volumes and networks that are there: ${file}`, () => {
      const { services, volumes, networks = {} } = read(file);
      for (const service of Object.values(services)) {
        for (const volume of service.volumes ?? [])
          assert.ok(Object.hasOwn(volumes, volume.split(":")[0] ?? ""), volume);
        for (const network of service.networks ?? []) assert.ok(Object.hasOwn(networks, network), network);
        for (const [name, { condition }] of Object.entries(service.depends_on ?? {})) {
          assert.ok(condition !== "service_healthy" || services[name]?.healthcheck !== undefined, name);
        }
        const asked = service.healthcheck?.test.at(-1) ?? "";
        if (service.image === "tagseal" && asked !== "") assert.equal(new URL(asked).pathname, "/_tagseal/ready");
      }
    });
  }

  it("keep the signer and the databases where only servers reach them", () => {
    const { services, networks } = read("replicated.yaml");
    assert.deepEqual(networks?.["inside"], { internal: true });
    for (const name of ["signer", "database", "signer-database"])
      assert.deepEqual(services[name]?.networks, ["inside"]);
  });
});

describe(
  "the services of the replicated compose file",
  { skip: missingPeers(["deploy tools", "postgres", "openssl"]) },
  () => {
    const scope = new Scope("compose");
    after(async () => await scope.close());
    const ports = { "server-1": 0, "server-2": 0, signer: 0 };
    let ca: string;
    let registry: string;

    /** Starts a service as a process, with what its container would be given. */
    async function start(name: keyof typeof ports): Promise<void> {
      const { command = [], environment } = read("replicated.yaml").services[name] as Service;
      const here = (value: string): string =>
        value
          .replace("/run/secrets", scope.path("secrets"))
          .replace(/^signer$/u, "localhost")
          .replace(/^7899$/u, String(ports.signer))
          .replace(/^0\.0\.0\.0:\d+$/u, `127.0.0.1:${ports[name]}`);
      const env = Object.fromEntries(Object.entries(environment).map(([variable, value]) => [variable, here(value)]));
      const [program = "", ...flags] = command;
      await scope.start(name, tagsealCommand, [program, ...flags.map(here)], {
        env: { HOME: scope.directory, ...env },
        ready: async () =>
          name === "signer"
            ? await portAnswers(ports.signer)
            : (await ask(ca, "GET", `https://localhost:${ports[name]}/_tagseal/ready`)).status === 200,
      });
    }

    before(async () => {
      const [database, certificate, sandbox] = await Promise.all([
        startPostgres(scope),
        certificates(scope),
        startSandbox(scope),
      ]);
      ca = certificate.ca;
      registry = sandbox.env["REGISTRY"] ?? "";
      const { secrets } = read("replicated.yaml");
      mkdirSync(scope.path("secrets"));
      for (const name of ["server-database", "signer-database"]) {
        await database.create(name.replace("-", "_"), "select 1");
        writeFileSync(scope.path("secrets", name), `${database.url(name.replace("-", "_"))}\n`);
      }
      const contents: Record<string, string> = { ".crt": certificate.serverCertificate, ".key": certificate.serverKey };
      for (const name of Object.keys(secrets)) {
        const file = name === "ca.crt" ? ca : contents[name.slice(-4)];
        if (file !== undefined) writeFileSync(scope.path("secrets", name), readText(file));
      }
      writeFileSync(scope.path("secrets", "signer-passphrase"), "a passphrase that openssl made\n");
      for (const name of ["server-1", "server-2", "signer"] as const) ports[name] = await freePort();
      await start("signer");
      await Promise.all([start("server-1"), start("server-2")]);
    });

    const user = (name: "server-1" | "server-2"): Client =>
      client(scope, { name, server: { url: `https://localhost:${ports[name]}`, port: ports[name], ca } });

    it("I7: publish through one server what the other then serves", async () => {
      const image = `${registry}/team/app:1.0`;
      const layout = await writeLayout(scope.path("layout"), "published through one of two");
      await user("server-1").tagsealOk(["push", "--from", `oci:${layout.directory}`, image]);
      const { stdout } = await user("server-2").tagsealOk(["verify", image]);
      assert.equal(stdout.trim(), layout.manifest.digest);
    });
  },
);
