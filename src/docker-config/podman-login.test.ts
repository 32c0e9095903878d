import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { temporaryDirectory } from "../../test/support/temporary-directory.ts";
import type { Credentials } from "./credentials.ts";
import { podmanLogins, type PodmanLoginOptions } from "./podman-login.ts";

const root = temporaryDirectory();

const app = { registry: "r.example", repository: "team/app" };
const auth = (user: string): { auth: string } => ({ auth: Buffer.from(`${user}:pw`).toString("base64") });

function written(path: string, content: object): string {
  const file = join(root, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, JSON.stringify(content));
  return file;
}

const warnings: string[] = [];
const fromDocker: Credentials = { kind: "basic", username: "docker", password: "pw" };

async function user(given: Partial<PodmanLoginOptions>, target = app): Promise<string | undefined> {
  const found = await podmanLogins({
    env: {},
    home: join(root, "nobody"),
    uid: 4711,
    docker: async () => fromDocker,
    warn: (message) => warnings.push(message),
    ...given,
  })(target);
  return found?.kind === "basic" ? found.username : found?.kind;
}

describe("podman's login", () => {
  it("is --creds, then the file that is named, then podman's own files, then docker's", async () => {
    const runtime = dirname(
      dirname(written("runtime/containers/auth.json", { auths: { "r.example": auth("runtime") } })),
    );
    const home = join(root, "home");
    written("home/.config/containers/auth.json", { auths: { "r.example": auth("home"), "h.example": auth("home") } });
    const authFile = written("named.json", { auths: { "r.example": auth("named") } });
    const env = { XDG_RUNTIME_DIR: runtime };
    assert.equal(await user({}), "docker");
    assert.equal(await user({ home }), "home");
    assert.equal(await user({ home, env }), "runtime");
    assert.equal(await user({ home, env }, { registry: "h.example", repository: "x" }), "home");
    assert.equal(await user({ home, env: { ...env, REGISTRY_AUTH_FILE: authFile } }), "named");
    assert.equal(await user({ home, env: { REGISTRY_AUTH_FILE: "/nowhere" }, authFile }), "named");
    assert.equal(await user({ home, env, authFile, creds: "typed:a:b" }), "typed");
  });

  it("of a named file is anonymous where the file has none, and an error where there is no file", async () => {
    const authFile = written("other.json", { auths: { "other.example": auth("x") } });
    assert.equal(await user({ authFile }), undefined);
    await assert.rejects(user({ authFile: join(root, "absent.json") }), { code: "FILE_UNREADABLE" });
    await assert.rejects(user({ env: { REGISTRY_AUTH_FILE: join(root, "absent.json") } }), { code: "FILE_UNREADABLE" });
    await assert.rejects(user({ creds: "name" }), { code: "USAGE", message: /no password/ });
  });

  it("is the one of the longest path; docker.io comes before docker's old address", async () => {
    const auths = { "r.example": auth("host"), "r.example/team": auth("team"), "r.example/team/app": auth("app") };
    const authFile = written("paths.json", { auths });
    assert.equal(await user({ authFile }), "app");
    assert.equal(await user({ authFile }, { registry: "r.example", repository: "team/b" }), "team");
    assert.equal(await user({ authFile }, { registry: "r.example", repository: "b" }), "host");
    const hub = { "https://index.docker.io/v1/": auth("old"), "docker.io": auth("new"), "docker.io/me": auth("me") };
    const named = written("hub.json", { auths: hub });
    assert.equal(await user({ authFile: named }, { registry: "docker.io", repository: "library/a" }), "new");
    assert.equal(await user({ authFile: named }, { registry: "docker.io", repository: "me/a" }), "me");
  });

  it("continues without a helper that is not installed, with a warning", async () => {
    const authFile = written("helped.json", {
      credHelpers: { "r.example": "absent" },
      auths: { "r.example": auth("x") },
    });
    assert.equal(await user({ authFile }), undefined);
    assert.match(warnings.at(-1) ?? "", /docker-credential-absent is not installed/);
    const empty = written("unhelped.json", { credHelpers: { "r.example": "" }, auths: { "r.example": auth("x") } });
    assert.equal(await user({ authFile: empty }), "x");
  });
});
