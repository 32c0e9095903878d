/** The systemd units: correct, confined, and run with what they give and no more. */
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { after, before, describe, it } from "node:test";
import { modeOf } from "../support/file-mode.ts";
import { writeServerImage } from "../../release/image-contents.ts";
import { memorySettings } from "../support/image-environment.ts";
import { healthy } from "../support/notary-server.ts";
import {
  certificates,
  client,
  freePort,
  missingPeers,
  portAnswers,
  readText,
  runOk,
  Scope,
  writeLayout,
} from "../support/peers.ts";
import { startSandbox } from "../support/sandbox.ts";
import { startUnit, systemCallsOf, unitSettings, type UnitService } from "../support/systemd-unit.ts";

const root = resolve(import.meta.dirname, "../..");
const units = ["tagseal-server", "tagseal-signer"];
function without(all: ReadonlySet<string>, those: ReadonlySet<string>): Set<string> {
  return new Set([...all].filter((one) => !those.has(one)));
}

const unitFile = (name: string): string => join(root, "deploy/systemd", `${name}.service`);

describe("the systemd units", { skip: missingPeers(["systemd", "openssl"]) }, () => {
  const scope = new Scope("systemd");
  const port = { server: 0, signer: 0 };
  let ca: string;

  /** The unit with the paths of this test in place of the machine's. */
  function unitHere(name: string): string {
    return readFileSync(unitFile(name), "utf8")
      .replaceAll("/opt/tagseal", scope.path("opt/tagseal"))
      .replaceAll("/etc/tagseal", scope.path("etc/tagseal"));
  }

  before(async () => {
    writeServerImage(scope.path("opt/tagseal"));
    const certificate = await certificates(scope);
    ca = certificate.ca;
    [port.server, port.signer] = [await freePort(), await freePort()];
    mkdirSync(scope.path("etc/tagseal"), { recursive: true });
    const put = (name: string, content: string): void => writeFileSync(scope.path("etc/tagseal", name), content);
    const configuration = (name: string): Record<string, Record<string, string>> =>
      JSON.parse(readFileSync(join(root, "deploy/systemd", `${name}.json`), "utf8")) as Record<
        string,
        Record<string, string>
      >;
    const [server, signer] = [configuration("server"), configuration("signer")];
    put(
      "server.json",
      JSON.stringify({ ...server, server: { ...server["server"], http_addr: `127.0.0.1:${port.server}` } }),
    );
    put(
      "signer.json",
      JSON.stringify({ ...signer, server: { ...signer["server"], grpc_addr: `127.0.0.1:${port.signer}` } }),
    );
    for (const prefix of ["", "signer-"]) {
      put(`${prefix}tls.crt`, readText(certificate.serverCertificate));
      put(`${prefix}tls.key`, readText(certificate.serverKey));
      put(`${prefix}passphrase`, "a passphrase of the operator's\n");
    }
    put("signer-clients.crt", readText(certificate.ca));
  });
  after(async () => await scope.close());

  it("I10: are confined alike, and expose less than 1.5 of 10 by systemd's own measure", async () => {
    const [server = "", signer = ""] = units.map((name) => readFileSync(unitFile(name), "utf8"));
    const confinement = (unit: string): string => unit.slice(unit.indexOf("DynamicUser=yes"));
    assert.equal(confinement(server), confinement(signer));
    for (const name of units) {
      await runOk("systemd-analyze", ["security", "--offline=true", "--threshold=15", "--no-pager", unitFile(name)]);
    }
  });

  it("I10: of the gateway is correct, and confined as the server's", async () => {
    const [server = "", gateway = ""] = ["tagseal-server", "tagseal-gateway"].map((name) =>
      readFileSync(unitFile(name), "utf8"),
    );
    const confinement = (unit: string): string => unit.slice(unit.indexOf("DynamicUser=yes"));
    assert.equal(confinement(gateway), confinement(server));
    const file = unitFile("tagseal-gateway");
    await runOk("systemd-analyze", ["security", "--offline=true", "--threshold=15", "--no-pager", file]);
    const here = scope.path("tagseal-gateway.service");
    writeFileSync(here, unitHere("tagseal-gateway"));
    const { stdout, stderr } = await runOk("systemd-analyze", ["verify", "--man=no", here]);
    assert.equal(stdout + stderr, "");
    // the command line of the unit is one that the command takes
    const words = unitSettings(unitHere("tagseal-gateway")).get("ExecStart")?.[0]?.split(" ").slice(2) ?? [];
    const flags = words.filter((word) => word.startsWith("--")).map((word) => word.slice(2));
    const { command } = await import("../../src/cli/commands/gateway.ts");
    assert.equal(words[0], "gateway");
    assert.deepEqual(
      flags.filter((flag) => !Object.hasOwn(command.description.options, flag)),
      [],
    );
  });

  it("start Node.js with the image's settings of memory", () => {
    assert.ok(memorySettings().size > 1);
    for (const name of [...units, "tagseal-gateway", "tagseal-gate-docker"]) {
      const environment = unitSettings(unitHere(name)).get("Environment") ?? [];
      for (const [variable, value] of memorySettings()) assert.ok(environment.includes(`${variable}=${value}`), name);
    }
  });

  it("listen on this machine alone while no login is required", () => {
    const settings = JSON.parse(readFileSync(join(root, "deploy/systemd/server.json"), "utf8")) as {
      readonly server: { readonly http_addr: string };
      readonly auth?: unknown;
    };
    assert.ok(settings.auth !== undefined || settings.server.http_addr.startsWith("127.0.0.1:"));
  });

  it("are correct, every command and setting", async () => {
    const files = units.map((name) => scope.path(`${name}.service`));
    for (const [index, file] of files.entries()) writeFileSync(file, unitHere(units[index] ?? ""));
    const { stdout, stderr } = await runOk("systemd-analyze", ["verify", "--man=no", ...files]);
    assert.equal(stdout + stderr, "");
  });

  /** Only the first filter names what is allowed; the others take away from it. */
  async function allowedCalls(name: string): Promise<Set<string>> {
    const [allowed = "", ...taken] = unitSettings(unitHere(name)).get("SystemCallFilter") ?? [];
    const forbidden = await systemCallsOf(...taken.join(" ").replaceAll("~", "").split(" "));
    return without(await systemCallsOf(...allowed.split(" ")), forbidden);
  }

  async function staysWithin(service: UnitService, name: string): Promise<void> {
    const { names, addressFamilies } = service.systemCalls();
    assert.ok(names.has("epoll_wait") || names.has("epoll_pwait"), "it was recorded");
    assert.deepEqual([...without(names, await allowedCalls(name))], []);
    const families = new Set(unitSettings(unitHere(name)).get("RestrictAddressFamilies")?.[0]?.split(" "));
    assert.deepEqual([...without(addressFamilies, families)], []);
  }

  function keepsItsFilesToItself(directory: string, files: readonly string[]): void {
    assert.deepEqual(
      readdirSync(directory).filter((name) => /passphrase|tls/u.test(name)),
      [],
    );
    for (const file of files) assert.equal(modeOf(join(directory, file)), 0o600);
  }

  it("I10: serve with no more than the server's unit permits, and leave no secret in the state directory", async () => {
    const server = await startUnit(scope, {
      unit: unitHere("tagseal-server"),
      name: "tagseal-server",
      ready: () => healthy(`https://localhost:${port.server}`, ca),
    });
    const sandbox = await startSandbox(scope);
    const user = client(scope, { server: { url: `https://localhost:${port.server}`, port: port.server, ca } });
    const image = `${sandbox.env["REGISTRY"]}/team/app:1.0`;
    const layout = await writeLayout(scope.path("layout"), "served by the unit");
    await user.tagsealOk(["push", "--from", `oci:${layout.directory}`, image]);
    assert.equal((await user.tagsealOk(["verify", image])).stdout.trim(), layout.manifest.digest);
    keepsItsFilesToItself(server.stateDirectory, ["metadata.db", "signer.db"]);
    assert.equal(await server.process.stop(), 0);
    await staysWithin(server, "tagseal-server");
  });

  it("I10: sign with no more than the signer's unit permits", async () => {
    const signer = await startUnit(scope, {
      unit: unitHere("tagseal-signer"),
      name: "tagseal-signer",
      ready: () => portAnswers(port.signer),
    });
    keepsItsFilesToItself(signer.stateDirectory, ["signer.db"]);
    assert.equal(await signer.process.stop(), 0);
    await staysWithin(signer, "tagseal-signer");
  });
});
