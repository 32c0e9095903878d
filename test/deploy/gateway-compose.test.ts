/** The compose file of the gateway: valid, confined, every file connected; and its service, started with what the file gives it. */
import assert from "node:assert/strict";
import { copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { after, before, describe, it } from "node:test";
import { hashSync } from "bcryptjs";
import { composeViolations, parseYaml } from "../support/deploy-tools.ts";
import { documentedLines } from "../support/documented-lines.ts";
import { type Answer, ask } from "../support/https-request.ts";
import {
  certificates,
  freePort,
  missingPeers,
  readText,
  runOk,
  Scope,
  tagsealCommand,
  writeLayout,
} from "../support/peers.ts";
import { startSandbox } from "../support/sandbox.ts";

const path = resolve(import.meta.dirname, "../../deploy/compose/gateway.yaml");

interface Gateway {
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly secrets: readonly string[];
  readonly volumes: readonly string[];
  readonly healthcheck: { readonly test: readonly string[] };
  readonly [part: string]: unknown;
}

interface Compose {
  readonly services: { readonly gateway: Gateway };
  readonly secrets: Readonly<Record<string, { readonly file: string }>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

describe("the compose file of the gateway", { skip: missingPeers(["deploy tools", "openssl"]) }, () => {
  const scope = new Scope("gateway-compose");
  after(async () => await scope.close());
  const compose = parseYaml(readText(path)) as Compose;
  const { gateway } = compose.services;

  it("fits the schema of compose files", () => {
    assert.equal(composeViolations(compose), undefined);
  });

  it("I10: confines the service, and asks its clients to log in over TLS", () => {
    assert.equal(gateway["user"], "65532:65532");
    assert.equal(gateway["read_only"], true);
    assert.deepEqual(gateway["cap_drop"], ["ALL"]);
    assert.deepEqual(gateway["security_opt"], ["no-new-privileges:true"]);
    for (const flag of ["--tls-cert", "--tls-key", "--htpasswd"]) assert.ok(gateway.command.includes(flag), flag);
  });

  it("I6: hands secrets over as files, each declared and used", () => {
    assert.deepEqual(gateway.secrets.toSorted(), Object.keys(compose.secrets).toSorted());
    const named = gateway.command.filter((word) => word.startsWith("/run/secrets/"));
    const logins = join(gateway.environment["DOCKER_CONFIG"] ?? "", "config.json");
    assert.deepEqual(
      [...named, logins].map((file) => file.slice("/run/secrets/".length)).toSorted(),
      gateway.secrets.toSorted(),
    );
    assert.deepEqual(Object.keys(compose.volumes), ["data"]);
  });

  describe("as its service", () => {
    let ca = "";
    let image = "";
    let digest = "";
    let url = "";
    const secrets = scope.path("secrets");

    before(async () => {
      const [made, sandbox] = await Promise.all([certificates(scope), startSandbox(scope)]);
      ca = made.ca;
      const host = sandbox.env["REGISTRY"] ?? "";
      image = `${host}/team/app:1.0`;
      const layout = await writeLayout(scope.path("layout"), "served by a composed gateway");
      digest = layout.manifest.digest;
      await runOk(tagsealCommand, ["push", "--from", `oci:${layout.directory}`, image], {
        env: { HOME: scope.path("home"), ...sandbox.env },
      });
      copyFileSync(made.serverCertificate, scope.path("gateway.crt"));
      copyFileSync(made.serverKey, scope.path("gateway.key"));
      writeFileSync(scope.path("htpasswd"), `alice:${hashSync("wonderland", 4)}\n`);
      writeFileSync(scope.path("config.json"), "{}");
      const rules = { [host]: { firstUse: true } };
      writeFileSync(scope.path("policy.json"), JSON.stringify({ version: 1, default: { require: "reject" }, rules }));
      await runOk("bash", ["-ec", documentedLines("docs/gateway.md", "Containers")], { cwd: scope.directory });
      // as a mount gives the container the authority of a trust server that only its owner knows
      cpSync(join(sandbox.env["DOCKER_CONFIG"] ?? "", "tls"), join(secrets, "tls"), { recursive: true });
      const port = await freePort();
      url = `https://localhost:${port}`;
      const here = (word: string): string =>
        word
          .replace("/run/secrets", secrets)
          .replace("/var/lib/tagseal", scope.path("data"))
          .replace("0.0.0.0:5443", `127.0.0.1:${port}`);
      mkdirSync(scope.path("data"));
      const { DOCKER_CONFIG = "" } = gateway.environment;
      await scope.start("gateway", tagsealCommand, gateway.command.map(here), {
        env: {
          ...sandbox.env,
          DOCKER_CONFIG: here(DOCKER_CONFIG),
          TAGSEAL_POLICY: scope.path("policy", "policy.json"),
        },
        ready: async () => (await ask(ca, "GET", `${url}/readyz`)).status === 200,
      });
    });

    const manifest = async (headers: Record<string, string> = {}): Promise<Answer> => {
      const [name = "", tag = ""] = image.split(/:(?=[^:]*$)/u);
      return await ask(ca, "GET", `${url}/v2/${name.replace(":", "_")}/manifests/${tag}`, headers);
    };
    const login = { authorization: `Basic ${Buffer.from("alice:wonderland").toString("base64")}` };

    it("gets its secrets where only it can read them", () => {
      for (const name of gateway.secrets) {
        const { mode, uid } = statSync(join(secrets, name));
        assert.deepEqual([mode & 0o777, uid], [0o400, 65532], name);
      }
    });

    it("I5: serves the signed digest to those who log in, and writes to its volume alone", async () => {
      assert.equal((await manifest()).status, 401);
      const { status, headers, body } = await manifest(login);
      assert.deepEqual([status, headers["docker-content-digest"]], [200, digest], String(body));
      assert.deepEqual(readdirSync(secrets).toSorted(), [...gateway.secrets, "tls"].toSorted());
      assert.ok(existsSync(scope.path("data", "tuf")), "what was accepted is remembered on the volume");
    });

    it("is found healthy by the check of the file, and not where nothing answers", async () => {
      const [, , program = "", asked = ""] = gateway.healthcheck.test;
      assert.equal(program, "/opt/tagseal/app/health.js");
      const health = resolve(import.meta.dirname, "../../deploy/docker/health.js");
      await runOk(process.execPath, [health, `${url}${new URL(asked).pathname}`]);
      await assert.rejects(runOk(process.execPath, [health, `${url}/nothing-here`]));
    });
  });

  it("is accepted by compose", { skip: missingPeers(["compose"]) }, async () => {
    await runOk("docker-compose", ["-f", path, "--project-directory", scope.directory, "config", "-q"]);
  });
});
