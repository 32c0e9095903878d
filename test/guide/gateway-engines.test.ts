/** The commands of the page about the gateway that configure engines, on a machine where they are run as they stand. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { documentedLines } from "../support/documented-lines.ts";
import { startMachine, type Machine } from "../support/machine.ts";
import { missingPeers, Scope } from "../support/peers.ts";

describe("engines on the page about the gateway", { skip: missingPeers(["machine"]) }, () => {
  const scope = new Scope("gateway-page");
  let machine: Machine;

  before(async () => {
    machine = await startMachine(scope);
  });
  after(async () => await scope.close());

  it("configures podman and containerd", async () => {
    const { stdout } = await machine.run(documentedLines("docs/gateway.md", "Engines", 1));
    assert.match(stdout, /^Wrote \/etc\/containers\/registries\.conf\.d\/999-tagseal-gateway\.conf$/mu);
    const hosts = machine.path("/etc/containerd/certs.d/_default/hosts.toml");
    assert.match(readFileSync(hosts, "utf8"), /^server = "https:\/\/gateway\.example\.com"$/mu);
    const probe = documentedLines("docs/gateway.md", "Engines", 2);
    const { stdout: report } = await machine.run(`${probe.trim()} || true`);
    // there is no gateway on this machine
    assert.match(report, /^Content trust is NOT enforced through this gateway\.$/mu);
    assert.match(report, /^problem {2}/mu);
  });
});
