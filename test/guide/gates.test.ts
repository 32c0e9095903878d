/** The page about gates, on a machine where its commands are run as they stand. */
import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { documentedLines } from "../support/documented-lines.ts";
import { startMachine, type Machine } from "../support/machine.ts";
import { missingPeers, Scope } from "../support/peers.ts";

describe("the page about gates", { skip: missingPeers(["machine", "systemd"]) }, () => {
  const scope = new Scope("gates-page");
  let machine: Machine;

  before(async () => {
    machine = await startMachine(scope);
  });
  after(async () => await scope.close());

  it("installs and removes the image verifier of containerd", async () => {
    const script = "/opt/containerd/image-verifier/bin/tagseal";
    await machine.run(documentedLines("docs/gates.md", "containerd", 1));
    const digest = `sha256:${"1".repeat(64)}`;
    const call = `-name registry.example.com/team/app:1.0 -digest ${digest} -stdin-media-type application/vnd.oci.descriptor.v1+json`;
    const { stdout } = await machine.run(`echo '{"digest":"${digest}"}' | ${script} ${call} || echo refused`);
    assert.match(stdout, /\[[A-Z_]+\]\nrefused\n$/u);
    await machine.run(documentedLines("docs/gates.md", "containerd", 2));
    assert.equal(existsSync(machine.path(script)), false);
  });

  it("installs the unit of docker's gate, which systemd can start before docker", async () => {
    const unit = "tagseal-gate-docker.service";
    const text = readFileSync(join(import.meta.dirname, "../../deploy/systemd", unit), "utf8");
    writeFileSync(join(machine.directory, unit), text.replace(/^ExecStart=.* gate docker$/mu, "ExecStart=/bin/true"));
    await machine.run(documentedLines("docs/gates.md", "docker"));
    const installed = `/etc/systemd/system/${unit}`;
    const { stdout, stderr } = await machine.run(
      `systemd-analyze verify --man=no ${installed} && systemd-analyze security --offline=true --threshold=30 ${installed} >&2 && echo fine`,
    );
    assert.equal(stdout, "fine\n", stderr);
    assert.match(text, /^Before=docker\.service$/mu);
    assert.match(text, /^ExecStart=\S+ \S+ gate docker$/mu);
  });
});
