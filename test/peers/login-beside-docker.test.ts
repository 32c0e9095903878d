/** `tagseal login` and `logout` beside docker's own: what they print, what they leave in config.json and with helpers, and who can read it. */
import assert from "node:assert/strict";
import { chmodSync, existsSync, lstatSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { hashSync } from "bcryptjs";
import { modeOf } from "../support/file-mode.ts";
import {
  findExecutable,
  missingPeers,
  run,
  runOk,
  Scope,
  startDockerRegistry,
  startTokenServer,
  tagsealCommand,
  type Registry,
  type TokenServer,
  writeLayout,
} from "../support/peers.ts";
import type { Environment, Finished } from "../support/processes.ts";
import { runOnTerminal } from "../support/pty.ts";

/** Keeps each login in a file, as the protocol has it; it notes its arguments and never prints a secret it was given. */
const helperScript = `#!/bin/sh
cd "$HELPER_DIRECTORY" || exit 1
echo "$*" >>arguments
[ -e fails ] && exit 1
case "$1" in
  store)
    read -r login || [ -n "$login" ]
    server=$(printf '%s' "$login" | sed 's/.*"ServerURL":"\\([^"]*\\)".*/\\1/' | tr '/:' '__')
    printf '%s' "$login" >"login-$server" ;;
  get | erase)
    read -r asked
    server=$(printf '%s' "$asked" | tr '/:' '__')
    [ -e "login-$server" ] || { echo "credentials not found in native keychain"; exit 1; }
    if [ "$1" = get ]; then cat "login-$server"; else rm "login-$server"; fi ;;
esac
`;

describe("login and logout beside docker's", { skip: missingPeers(["docker 28", "registry", "openssl"]) }, () => {
  const scope = new Scope("login-beside-docker");
  let basic: Registry;
  let tokens: Registry;
  let service: TokenServer;
  const engine = scope.path("engine.sock");
  let count = 0;

  before(async () => {
    await startLoginEngine(scope, engine);
    const accounts = { bob: "wonder:land", ann: "other" };
    const lines = Object.entries(accounts).map(([name, password]) => `${name}:${hashSync(password, 4)}\n`);
    service = await startTokenServer(scope, accounts, "test registry", { issuesIdentityTokens: true });
    const { realm, issuer, rootcertbundle } = service;
    [basic, tokens] = await Promise.all([
      startDockerRegistry(scope, { htpasswd: lines.join("") }),
      startDockerRegistry(scope, { token: { realm, service: service.service, issuer, rootcertbundle } }),
    ]);
  });
  after(() => scope.close());

  /** A machine with a configuration, a helper called `box`, and docker without an engine. */
  class Home {
    readonly directory = scope.path(`home-${++count}`);
    readonly file = join(this.directory, "config.json");
    env: Environment;

    constructor(config?: string) {
      const bin = join(this.directory, "bin");
      mkdirSync(bin, { recursive: true });
      writeFileSync(join(bin, "docker-credential-box"), helperScript);
      chmodSync(join(bin, "docker-credential-box"), 0o755);
      if (config !== undefined) writeFileSync(this.file, config, { mode: 0o600 });
      this.env = {
        ...process.env,
        HOME: this.directory,
        DOCKER_CONFIG: this.directory,
        DOCKER_HOST: "unix:///nowhere/docker.sock",
        HELPER_DIRECTORY: this.directory,
        PATH: `${bin}:${process.env["PATH"]}`,
        TAGSEAL_ENGINE: undefined,
        DOCKER_AUTH_CONFIG: undefined,
      };
    }

    get text(): string {
      return readFileSync(this.file, "utf8");
    }

    /** docker, without the lines of its log about registries that speak no TLS. */
    async docker(line: string, input = ""): Promise<Finished> {
      // it asks the engine whether a login that it has stored is accepted
      const env = /^login [^- ]+$/u.test(line) ? { ...this.env, DOCKER_HOST: `unix://${engine}` } : this.env;
      const finished = await run(findExecutable("docker") ?? "docker", words(line), { env, input });
      return { ...finished, stderr: finished.stderr.replaceAll(/^time="[^\n]* level=info [^\n]*\n/gmu, "") };
    }

    tagseal(line: string, input = ""): Promise<Finished> {
      return run(tagsealCommand, words(line), { env: this.env, input });
    }
  }

  /** Does the same with both, each on its own machine; what is printed and left must be the same but for the program's name and place. */
  async function asDocker(
    config: string | undefined,
    steps: readonly (readonly [line: string, input?: string])[],
  ): Promise<Home> {
    const [docker, ours] = [new Home(config), new Home(config)];
    for (const [line, input = ""] of steps) {
      const shown = ({ code, stdout, stderr }: Finished, home: Home): unknown[] =>
        [code, stdout, stderr].map((part) =>
          typeof part === "string"
            ? part.replaceAll(home.directory, "HOME").replaceAll("tagseal log", "docker log")
            : part,
        );
      const [theirs, own] = await Promise.all([docker.docker(line, input), ours.tagseal(line, input)]);
      assert.deepEqual(shown(own, ours), shown(theirs, docker), line);
      assert.equal(ours.text, docker.text, line);
    }
    return ours;
  }

  it("prints and stores what docker does, byte by byte", async () => {
    const { host } = basic;
    const login = `login -u bob --password-stdin ${host}`;
    await asDocker("{}", [
      [login, "wonder:land"],
      [login, "wonder:land\n"],
      [`login ${host}`],
      [`login -u ann -p other http://${host}/v2/`],
      [`logout ${host}`],
      [`logout ${host}`],
      ["logout unknown.example"],
    ]);
    await asDocker(undefined, [[login, "wonder:land"]]);
    const kept =
      '{\n\t"auths": {\n\t\t"a.example": {\n\t\t\t"auth": "YTpi"\n\t\t}\n\t},\n\t"currentContext": "default"\n}';
    await asDocker(kept, [[login, "wonder:land"], [`logout ${host}`], ["logout a.example"]]);
  });

  it("keeps an identity token in the place of the password where the token service issues one", async () => {
    const ours = await asDocker("{}", [[`login -u bob --password-stdin ${tokens.host}`, "wonder:land"]]);
    assert.match(ours.text, /"identitytoken": "identity of bob"/u);
    assert.doesNotMatch(ours.text, new RegExp(Buffer.from("bob:wonder:land").toString("base64"), "u"));
    const again = await ours.tagseal(`login ${tokens.host}`);
    assert.deepEqual([again.code, again.stdout.endsWith("Login Succeeded\n")], [0, true], again.stderr);
  });

  it("does with a helper what docker does", async () => {
    const { host } = basic;
    for (const config of ['{\n\t"credsStore": "box"\n}', `{\n\t"credHelpers": {\n\t\t"${host}": "box"\n\t}\n}`]) {
      const docker = new Home(config);
      const ours = new Home(config);
      const login = `login -u bob --password-stdin ${host}`;
      for (const [home, finished] of [
        [docker, await docker.docker(login, "wonder:land")],
        [ours, await ours.tagseal(login, "wonder:land")],
      ] as const) {
        assert.deepEqual([finished.code, finished.stdout, finished.stderr], [0, "Login Succeeded\n", ""]);
        const kept = JSON.parse(
          readFileSync(join(home.directory, `login-${host.replaceAll(":", "_")}`), "utf8"),
        ) as unknown;
        assert.deepEqual(kept, { ServerURL: host, Username: "bob", Secret: "wonder:land" });
        assert.doesNotMatch(readFileSync(join(home.directory, "arguments"), "utf8"), /wonder|bob/u);
      }
      assert.deepEqual(JSON.parse(ours.text), JSON.parse(docker.text));
      assert.equal((await ours.docker(`login ${host}`)).code, 0);
      assert.equal((await docker.tagseal(`login ${host}`)).code, 0);
      assert.equal((await ours.tagseal(`logout ${host}`)).code, 0);
      assert.equal((await docker.docker(`logout ${host}`)).code, 0);
      assert.deepEqual(JSON.parse(ours.text), JSON.parse(docker.text));
      assert.ok(!existsSync(join(ours.directory, `login-${host.replaceAll(":", "_")}`)));
    }
  });

  it("shares each login with docker, in both directions, and either logs out", async () => {
    for (const { host } of [basic, tokens]) {
      const home = new Home();
      const login = `login -u bob --password-stdin ${host}`;
      const signed = `list ${host}/team/app`;
      assert.equal((await home.docker(login, "wonder:land")).code, 0);
      assert.doesNotMatch((await home.tagseal(signed)).stderr, /requires authentication|gives no token/u);
      assert.equal((await home.tagseal(`logout ${host}`)).code, 0);
      assert.deepEqual(JSON.parse(home.text), { auths: {} });
      assert.notEqual((await home.docker(`login ${host}`)).code, 0);
      assert.equal((await home.tagseal(login, "wonder:land")).code, 0);
      const again = await home.docker(`login ${host}`);
      // docker reuses passwords only, and asks where a token is kept
      if (host === basic.host) assert.match(again.stderr, /Authenticating with existing credentials.*Username: bob/u);
      assert.equal((await home.docker(`logout ${host}`)).code, 0);
      assert.deepEqual(JSON.parse(home.text), { auths: {} });
    }
  });

  it("is what the hints of commands without an engine say", async () => {
    const home = new Home();
    const layout = await writeLayout(scope.path("layout"), "hello");
    const push = await home.tagseal(`push --from oci:${layout.directory} ${basic.host}/team/app:1`);
    assert.match(push.stderr, new RegExp(`Log in first: tagseal login ${basic.host} `, "u"));
  });

  it("refuses what docker refuses, in its words, and stores nothing", async () => {
    const { host } = basic;
    for (const [line, input, message] of [
      [
        `login -u bob --password-stdin ${host}`,
        "wrong",
        `login attempt to ${basic.url}/v2/ failed with status: 401 Unauthorized`,
      ],
      [`login --password-stdin ${host}`, "x", "the --password-stdin option requires --username to be set"],
      [
        `login -u bob -p x --password-stdin ${host}`,
        "x",
        "conflicting options: cannot specify both --password and --password-stdin",
      ],
      [`login -u bob ${host}`, "", "Cannot perform an interactive login from a non TTY device"],
      [`login -u bob --password-stdin ${host}`, "", "password is empty"],
      [`login -u= -p x ${host}`, "", "username is empty"],
    ] as const) {
      const [docker, ours] = [new Home("{}"), new Home("{}")];
      const [expected, finished] = await Promise.all([docker.docker(line, input), ours.tagseal(line, input)]);
      assert.equal(finished.code, 1, line);
      assert.ok(finished.stderr.includes(message), `${line}: ${finished.stderr}`);
      assert.ok(expected.code === 1, `docker, ${line}: ${expected.stderr}`);
      assert.deepEqual([ours.text, finished.stdout], ["{}", ""], line);
      assert.doesNotMatch(finished.stderr, /wrong/u);
    }
    assert.equal((await new Home().tagseal(`login --mystery ${host}`)).code, 125);
    assert.equal((await new Home().tagseal("login a b")).code, 1);
  });

  it("I9: sends no password that could not be kept", async () => {
    const login = `login -u bob --password-stdin ${tokens.host}`;
    const seen = service.requests.length;
    for (const config of ["{", "[]", '{"auths": []}', '{"credsStore": 5}', '{"credHelpers": "box"}']) {
      const home = new Home(config);
      const { code, stderr } = await home.tagseal(login, "wonder:land");
      assert.equal(code, 1, config);
      assert.match(stderr, /config\.json (?:is not|has a) [\s\S]*\[FILE_UNREADABLE\]/u, config);
      assert.equal(home.text, config);
    }
    const home = new Home();
    mkdirSync(home.file);
    assert.match((await home.tagseal(login, "wonder:land")).stderr, /config\.json is not a file/u);
    rmSync(home.file, { recursive: true });
    await runOk("mkfifo", [home.file]);
    assert.match((await home.tagseal(login, "wonder:land")).stderr, /config\.json is not a file/u);
    const readOnly = new Home();
    readOnly.env = { ...readOnly.env, DOCKER_CONFIG: "/proc/self/docker" };
    assert.match((await readOnly.tagseal(login, "wonder:land")).stderr, /\[FILE_UN(?:WRITABLE|READABLE)\]/u);
    assert.equal(service.requests.length, seen);
  });

  it("keeps links, other bytes and members in any case; the file is for its owner alone", async () => {
    const home = new Home();
    const { host } = basic;
    const real = join(home.directory, "real.json");
    const before = '{"n": 12345678901234567890, "Auths": {"a.example": {"auth": "YTpi"}}, "HttpHeaders": {"x": "y"}}\n';
    writeFileSync(real, before, { mode: 0o644 });
    symlinkSync("real.json", home.file);
    assert.equal((await home.tagseal(`login -u bob --password-stdin ${host}`, "wonder:land")).code, 0);
    assert.ok(lstatSync(home.file).isSymbolicLink());
    assert.equal(modeOf(real), 0o600);
    assert.match(
      home.text,
      /^\{"n": 12345678901234567890, "Auths": \{"a\.example": \{"auth": "YTpi"\}, "localhost:\d+": \{"auth": "\S+"\}\}, "HttpHeaders": \{"x": "y"\}\}\n$/u,
    );
    assert.match((await home.docker(`login ${host}`)).stderr, /Username: bob/u);
    assert.equal((await home.tagseal(`logout ${host}`)).code, 0);
    assert.equal(readFileSync(real, "utf8"), before);
  });

  it("removes a login under every spelling that a reader would accept, and the file's entry even when the helper fails", async () => {
    const { host } = basic;
    const entry = { auth: "YTpi" };
    const auths = { [host]: entry, [`https://${host}/v1/`]: entry, [`http://${host}`]: entry, "b.example": entry };
    const home = new Home(JSON.stringify({ auths, credHelpers: { [host]: "box" } }));
    writeFileSync(join(home.directory, "fails"), "");
    const { code, stderr, stdout } = await home.tagseal(`logout ${host}`);
    assert.deepEqual([code, stdout], [1, `Removing login credentials for ${host}\n`]);
    assert.match(stderr, /docker-credential-box did not remove the login/u);
    assert.deepEqual(JSON.parse(home.text), { auths: { "b.example": entry }, credHelpers: { [host]: "box" } });
    const hub = new Home(JSON.stringify({ auths: { "https://index.docker.io/v1/": entry, "docker.io": entry } }));
    assert.equal((await hub.tagseal("logout")).code, 0);
    assert.deepEqual(JSON.parse(hub.text), { auths: {} });
  });

  it("loses no login when several are stored at the same time", async () => {
    const home = new Home("{}");
    const hosts = [
      basic.host,
      basic.host.replace("localhost", "127.0.0.1"),
      tokens.host,
      tokens.host.replace("localhost", "127.0.0.1"),
    ];
    const logins = hosts.map((host) => home.tagseal(`login -u bob --password-stdin ${host}`, "wonder:land"));
    for (const { code, stderr } of await Promise.all(logins)) assert.equal(code, 0, stderr);
    assert.deepEqual(Object.keys((JSON.parse(home.text) as { auths: object }).auths).toSorted(), hosts.toSorted());
    assert.ok(!existsSync(`${home.file}.lock`));
  });

  it("asks a person, unseen, and reports as JSON", { skip: missingPeers(["python"]) }, async () => {
    const home = new Home();
    const { host } = basic;
    const answers = [
      { when: "Username: ", send: "bob\r" },
      { when: "Password: ", send: "wonder:land\r" },
    ];
    const { code, screen } = await runOnTerminal(tagsealCommand, ["login", "--json", host], answers, { env: home.env });
    assert.equal(code, 0, screen);
    assert.doesNotMatch(screen, /wonder/u);
    assert.match(screen, new RegExp(`"registry": ?"${host}"`, "u"));
    const out = await home.tagseal(`logout --json ${host}`);
    assert.deepEqual(JSON.parse(out.stdout), { registry: host, key: host, removed: [host] });
  });

  it("goes to an engine that was asked for, and says when DOCKER_AUTH_CONFIG hides what was stored", async () => {
    const home = new Home();
    const { host } = basic;
    const login = `login -u bob --password-stdin ${host}`;
    const viaDocker = await home.tagseal(`--engine docker ${login}`, "wonder:land");
    assert.match(viaDocker.stderr, /Cannot connect|Error|credential-store/u);
    const auths = { [host]: { auth: Buffer.from("ann:other").toString("base64") } };
    home.env = { ...home.env, DOCKER_AUTH_CONFIG: JSON.stringify({ auths }) };
    const { code, stderr } = await home.tagseal(login, "wonder:land");
    assert.equal(code, 0, stderr);
    assert.match(
      stderr,
      /^warning: DOCKER_AUTH_CONFIG has a login for localhost:\d+, which counts before the stored one$/mu,
    );
  });
});

/** As much of an engine as docker's login needs: it accepts bob. */
async function startLoginEngine(scope: Scope, path: string): Promise<void> {
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    let body = "";
    for await (const chunk of request) body += String(chunk);
    const login = JSON.parse(body) as { readonly username?: string; readonly password?: string };
    const isRight = login.username === "bob" && login.password === "wonder:land";
    const said = isRight ? { Status: "Login Succeeded", IdentityToken: "" } : { message: "unauthorized" };
    response.writeHead(isRight ? 200 : 401, { "content-type": "application/json" }).end(JSON.stringify(said));
  };
  const server = createServer((request, response) => {
    response.setHeader("Api-Version", "1.41");
    if (request.url?.endsWith("/auth") === true) void answer(request, response);
    else response.end("OK");
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  scope.defer(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
}

function words(line: string): string[] {
  return line.split(" ").filter((word) => word !== "");
}
