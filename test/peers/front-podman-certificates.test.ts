/** The certificates that podman trusts, and those it shows, count for what Tagseal asks registries itself: `--cert-dir` and `certs.d`. */
import assert from "node:assert/strict";
import { copyFileSync, cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { certificates, type Certificates } from "../support/certificates.ts";
import { startDockerRegistry, type Registry } from "../support/docker-registry.ts";
import { trustOn } from "../support/docker-words.ts";
import {
  client,
  findExecutable,
  missingPeers,
  runOk,
  Scope,
  startTagsealServer,
  type Client,
} from "../support/peers.ts";
import { podmanEnvironment } from "../support/podman.ts";
import type { Finished } from "../support/processes.ts";

const missing = missingPeers(["podman", "buildah", "registry", "openssl", "busybox"]);

describe("in front of podman, at a registry with a certificate of a private authority", { skip: missing }, () => {
  const scope = new Scope("front-podman-certificates");
  let registry: Registry;
  let user: Client;
  let base: string;
  let right: string;
  let wrong: string;

  before(async () => {
    const ours = await certificates(scope, "registry-tls");
    const others = await certificates(scope, "other-tls");
    const server = await startTagsealServer(scope);
    registry = await startDockerRegistry(scope, { tls: { ...ours, clientAuthority: ours.ca } });
    user = client(scope, { server, name: "user", env: { ...podmanEnvironment(scope, []), TAGSEAL_ENGINE: "podman" } });
    base = `${registry.host}/podman/base`;
    right = certificateDirectory("right", ours);
    wrong = certificateDirectory("wrong", others);
    const context = contextFrom("scratch", "COPY busybox /bin/busybox");
    copyFileSync(findExecutable("busybox") ?? "busybox", join(context, "busybox"));
    await runOk("podman", ["build", "-q", "-t", `${base}:v1`, context], { env: user.env });
  });
  after(async () => await scope.close());

  /** As containers-certs.d(5) has it: `*.crt` are authorities, `*.cert` and `*.key` what is shown. */
  function certificateDirectory(name: string, { ca, serverCertificate, serverKey }: Certificates): string {
    const directory = scope.path(name);
    mkdirSync(directory);
    copyFileSync(ca, join(directory, "ca.crt"));
    copyFileSync(serverCertificate, join(directory, "client.cert"));
    copyFileSync(serverKey, join(directory, "client.key"));
    return directory;
  }

  function contextFrom(image: string, line = "COPY Dockerfile /"): string {
    const directory = scope.path(`from-${image.replaceAll(/\W/gu, "-")}`);
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, "Dockerfile"), `FROM ${image}\n${line}\n`);
    return directory;
  }

  const trusted = (...args: readonly string[]): Promise<Finished> => user.tagseal(args, { env: trustOn });

  /** What the engine has it need not ask for. */
  const forgetAll = (): Promise<Finished> => runOk("podman", ["rmi", "-a", "-f"], { env: user.env });

  async function succeeds(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await trusted(...args);
    assert.equal(code, 0, stdout + stderr);
    return stdout;
  }

  it("--cert-dir lets push, pull, build, run and create in, each with the certificate to show", async () => {
    const pushed = await succeeds("push", "--cert-dir", right, `${base}:v1`);
    assert.match(pushed, new RegExp(`Successfully signed ${base}:v1\n$`, "u"));
    await forgetAll();
    await succeeds("pull", "-q", `--cert-dir=${right}`, `${base}:v1`);
    await forgetAll();
    await succeeds("build", "-q", "--cert-dir", right, contextFrom(`${base}:v1`));
  });

  it("I9: --cert-dir of another authority lets nothing in, and says where it was looked", async () => {
    await forgetAll();
    for (const args of [
      ["pull", "-q", "--cert-dir", wrong, `${base}:v1`],
      ["build", "-q", "--cert-dir", wrong, contextFrom(`${base}:v1`)],
    ]) {
      const { code, stderr } = await trusted(...args);
      assert.notEqual(code, 0, args.join(" "));
      assert.match(stderr, /unknown authority|TLS_UNTRUSTED/u);
    }
  });

  it("without either nothing is let in, and the hint says what to do", async () => {
    await forgetAll();
    const { code, stderr } = await trusted("build", "-q", contextFrom(`${base}:v1`));
    assert.notEqual(code, 0);
    assert.match(stderr, /unknown authority[^]*\nhint: .*certs\.d/u);
  });

  it("a directory below certs.d counts as --cert-dir does", async () => {
    for (const [name, directories] of [
      ["the user's own", join(user.env["HOME"] ?? "", ".config/containers/certs.d")],
      ["the machine's", "/etc/containers/certs.d"],
    ] as const) {
      const directory = join(directories, registry.host);
      cpSync(right, directory, { recursive: true });
      try {
        await forgetAll();
        await succeeds("build", "-q", contextFrom(`${base}:v1`));
        await forgetAll();
        await succeeds("pull", "-q", `${base}:v1`);
        assert.match(await succeeds("run", "--rm", `${base}:v1`, "/bin/busybox", "echo", name), new RegExp(name, "u"));
      } finally {
        rmSync(directory, { recursive: true });
      }
    }
  });
});
