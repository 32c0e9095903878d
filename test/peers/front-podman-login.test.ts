/** podman's own login and registries.conf count for what Tagseal asks registries itself. */
import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { hashSync } from "bcryptjs";
import {
  fromEnvironment,
  openTrustContext,
  parseImageReference,
  signTags,
  type TrustContext,
  verifyTag,
} from "../../src/index.ts";
import { trustOn } from "../support/docker-words.ts";
import {
  client,
  findExecutable,
  missingPeers,
  runOk,
  Scope,
  startDockerRegistry,
  startTagsealServer,
  type Client,
  type Registry,
} from "../support/peers.ts";
import { podmanEnvironment } from "../support/podman.ts";
import type { Environment, Finished } from "../support/processes.ts";

const missing = missingPeers(["podman", "buildah", "registry", "openssl", "busybox"]);

describe("in front of podman, at a registry that wants a login", { skip: missing }, () => {
  const scope = new Scope("front-podman-login");
  let registry: Registry;
  let user: Client;
  let authFile: string;
  let base: string;

  before(async () => {
    const htpasswd = `alice:${hashSync("wonder:land", 4)}\n`;
    const [started, server] = await Promise.all([startDockerRegistry(scope, { htpasswd }), startTagsealServer(scope)]);
    registry = started;
    const env: Environment = { ...podmanEnvironment(scope, [registry.host]), TAGSEAL_ENGINE: "podman" };
    const moved = [
      'unqualified-search-registries = ["docker.io"]',
      `[[registry]]\nlocation = "${registry.host}"\ninsecure = true`,
      `[[registry]]\nprefix = "images.example/app"\nlocation = "${registry.host}/podman"\ninsecure = true`,
      `[[registry.mirror]]\nlocation = "localhost:1/none"\ninsecure = true`,
    ];
    writeFileSync(env["CONTAINERS_REGISTRIES_CONF"] ?? "", `${moved.join("\n")}\n`);
    user = client(scope, { server, name: "user", env });
    base = `${registry.host}/podman/base`;
    authFile = scope.path("auth.json");
    const login = ["login", "--authfile", authFile, "-u", "alice", "--password-stdin", registry.host];
    await runOk("podman", login, { env: user.env, input: "wonder:land" });
    const context = scope.path("image");
    mkdirSync(context);
    copyFileSync(findExecutable("busybox") ?? "busybox", join(context, "busybox"));
    writeFileSync(join(context, "Dockerfile"), "FROM scratch\nCOPY busybox /bin/busybox\n");
    await runOk("podman", ["build", "-q", "-t", `${base}:v1`, context], { env: user.env });
  });
  after(async () => await scope.close());

  const trusted = (args: readonly string[], env: Environment = {}): Promise<Finished> =>
    user.tagseal(args, { env: { ...trustOn, ...env } });

  function succeeded(finished: Finished): Finished {
    assert.equal(finished.code, 0, finished.stdout + finished.stderr);
    return finished;
  }

  /** What the engine has it need not ask for. */
  const forgetAll = (): Promise<Finished> => runOk("podman", ["rmi", "-a", "-f"], { env: user.env });

  function contextFrom(image: string): string {
    const directory = scope.path(`from-${image.replaceAll(/\W/gu, "-")}`);
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, "Dockerfile"), `FROM ${image}\nCOPY Dockerfile /\n`);
    return directory;
  }

  it("push asks the registry for what it signs with --authfile", async () => {
    const { stdout } = succeeded(await trusted(["push", "--authfile", authFile, `${base}:v1`]));
    assert.match(stdout, new RegExp(`Successfully signed ${base}:v1\n$`, "u"));
  });

  it("build reads its bases with REGISTRY_AUTH_FILE, --authfile, --creds or podman's own file", async () => {
    const context = contextFrom(`${base}:v1`);
    succeeded(await trusted(["build", "-q", context], { REGISTRY_AUTH_FILE: authFile }));
    succeeded(await trusted(["build", "-q", "--authfile", authFile, context]));
    succeeded(await trusted(["build", "-q", "--creds=alice:wonder:land", context]));
    const runtime = scope.path("runtime");
    mkdirSync(join(runtime, "containers"), { recursive: true });
    copyFileSync(authFile, join(runtime, "containers", "auth.json"));
    succeeded(await trusted(["build", "-q", context], { XDG_RUNTIME_DIR: runtime }));
  });

  it("without a login says how podman logs in, and never shows a wrong one", async () => {
    await forgetAll();
    const refused = await trusted(["build", "-q", contextFrom(`${base}:v1`)]);
    assert.notEqual(refused.code, 0);
    assert.match(
      refused.stderr,
      new RegExp(`requires authentication\nhint: Log in first: podman login ${registry.host} `, "u"),
    );
    const wrong = await trusted(["build", "-q", "--creds", "alice:geheim", contextFrom(`${base}:v1`)]);
    assert.match(wrong.stderr, /does not accept the credentials.*\[AUTHENTICATION_REFUSED\]/su);
    assert.doesNotMatch(wrong.stderr, /geheim/u);
  });

  it("a registry that registries.conf moves is asked where it is; what is signed keeps its name", async () => {
    const image = "images.example/app/base";
    const settings = { dockerConfigDir: user.dockerConfig, env: user.env, passphrases: fromEnvironment(user.env) };
    const open = (name: string): Promise<TrustContext> =>
      openTrustContext({ ...settings, reference: parseImageReference(name), access: "write" });
    const [from, to] = [await open(base), await open(image)];
    const { digest, length } = await verifyTag(from, "v1");
    await signTags(to, [{ tag: "v1", digest, length }]);
    for (const context of [from, to]) context.close();
    await forgetAll();
    // its mirror does not answer and is passed over
    succeeded(await trusted(["build", "-q", "--authfile", authFile, contextFrom(`${image}:v1`)]));
  });

  it("commands that need no engine use podman's login, too", async () => {
    const { stdout } = await user.tagsealOk(["sign", "--from-registry", `${base}:v1`], {
      env: { REGISTRY_AUTH_FILE: authFile },
    });
    assert.notEqual(stdout, "");
    const broken = { REGISTRY_AUTH_FILE: scope.path("absent.json") };
    const { code, stderr } = await user.tagseal(["sign", "--from-registry", `${base}:v1`], { env: broken });
    assert.notEqual(code, 0);
    assert.match(
      stderr,
      /^warning: podman's login is not used: .*no such file\n.*requires authentication\nhint: Log in first: tagseal login /u,
    );
  });
});
