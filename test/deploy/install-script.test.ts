/** install.sh as people run it, against a release on loopback: what it installs, and that it leaves nothing behind when it refuses. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { after, before, beforeEach, describe, it } from "node:test";
import { modeOf } from "../support/file-mode.ts";
import { certificates, type Certificates } from "../support/certificates.ts";
import { type FileServer, serveFiles } from "../support/file-server.ts";
import { findExecutable, missingPeers, run, runOk, Scope, waitUntil, type Finished } from "../support/peers.ts";

const dash = findExecutable("dash") ?? "dash";
const script = resolve(import.meta.dirname, "../../release/install.sh");
const version = "0.1.0";
const name = `tagseal-${version}-linux-x64`;
const program = `#!/bin/sh\n[ "$1" = version ] && echo "tagseal ${version}"\n`;
const sumOf = (content: string): string => createHash("sha256").update(content).digest("hex");
const sums = `${sumOf(program)}  ${name}\n${sumOf("other")}  tagseal-${version}-linux-arm64\n${sumOf("deb")}  tagseal_0.1.0-1_amd64.deb\n`;

/** What the script uses beside a shell, a downloader and a program for sums. */
const tools = ["awk", "cat", "chmod", "cp", "cut", "dirname", "mkdir", "mktemp", "mv", "rm", "rmdir", "tr", "sh"];

describe("install.sh", { skip: missingPeers(["installer"]) }, () => {
  const scope = new Scope("install-script");
  let server: FileServer;
  let count = 0;
  /** fresh in each test */
  let target: string;
  let temporary: string;

  before(async () => {
    server = await serveFiles(scope, []);
  });
  beforeEach(() => {
    server.files.clear();
    server.files.set("SHA256SUMS", sums).set(name, program);
    server.asked.length = 0;
    target = scope.path(`${(count += 1)}`, "opt", "bin");
    temporary = scope.path(`${count}`, "tmp");
    mkdirSync(temporary, { recursive: true });
  });
  after(() => scope.close());

  /** A PATH with nothing but what a machine is to have. */
  function machine(
    programs: readonly string[],
    platform: readonly [system: string, cpu: string] = ["Linux", "x86_64"],
  ): string {
    const bin = scope.path(`${count}`, "machine");
    if (existsSync(bin)) return bin;
    mkdirSync(bin);
    for (const tool of [...tools, ...programs]) symlinkSync(findExecutable(tool) ?? tool, join(bin, tool));
    writeFileSync(join(bin, "uname"), `#!/bin/sh\n[ "$1" = -s ] && echo ${platform[0]} || echo ${platform[1]}\n`, {
      mode: 0o755,
    });
    return bin;
  }

  const usual = ["curl", "sha256sum"];
  const install = (
    args: readonly string[] = [],
    bin = machine(usual),
    shell: readonly string[] = ["dash"],
  ): Promise<Finished> => {
    const [first = "", ...rest] = shell;
    const words = [...rest, script, "--from", server.url, "--to", target, ...args];
    return run(findExecutable(first) ?? first, words, {
      env: { PATH: bin, HOME: scope.path("home"), TMPDIR: temporary },
    });
  };

  /** One sentence, no success, and no file or directory that was not there before. */
  function assertRefused({ code, stdout, stderr }: Finished, sentence: RegExp): void {
    assert.equal(code, 1, stdout + stderr);
    const own = stderr.split("\n").filter((line) => line.startsWith("install.sh: "));
    assert.equal(own.length, 1, stderr);
    assert.match(own[0] ?? "", sentence);
    assert.equal(stdout, "");
    assert.deepEqual(readdirSync(temporary), []);
    assert.equal(existsSync(scope.path(`${count}`, "opt")), false);
  }

  for (const [what, programs, shell] of [
    ["curl and sha256sum, in dash", ["curl", "sha256sum"], ["dash"]],
    ["wget and shasum, in bash", ["wget", "shasum"], ["bash", "--posix"]],
    ["curl and openssl, in busybox", ["curl", "openssl"], ["busybox", "sh"]],
  ] as const) {
    it(`installs with ${what}`, async () => {
      const { code, stdout, stderr } = await install([], machine(programs), shell);
      assert.equal(code, 0, stderr);
      assert.equal(stderr, "");
      assert.match(
        stdout,
        new RegExp(`^Installed ${target}/tagseal \\(tagseal 0\\.1\\.0\\)\nIt is not in your PATH\\. `, "u"),
      );
      assert.equal(readFileSync(join(target, "tagseal"), "utf8"), program);
      assert.equal(modeOf(join(target, "tagseal")), 0o755);
      assert.deepEqual([readdirSync(temporary), readdirSync(target)], [[], ["tagseal"]]);
    });
  }

  it("installs with a wget that has no long options, as that of busybox", async () => {
    const bin = machine(["sha256sum"]);
    const short = `#!/bin/sh\nfor word; do case $word in --*) exit 1 ;; esac; done\nexec ${findExecutable("wget")} "$@"\n`;
    writeFileSync(join(bin, "wget"), short, { mode: 0o755 });
    const { code, stderr } = await install([], bin);
    assert.equal(code, 0, stderr);
    server.files.delete(name);
    assert.equal((await install([], bin)).code, 1);
  });

  describe("over https", () => {
    let secure: FileServer;
    let made: Certificates;
    before(async () => {
      made = await certificates(scope);
      secure = await serveFiles(scope, [], made);
    });
    beforeEach(() => {
      secure.files.clear();
      secure.asked.length = 0;
      secure.files.set("SHA256SUMS", sums).set(name, program);
      writeFileSync(scope.path("wgetrc"), `ca_certificate=${made.ca}\n`);
    });

    const installSecurely = (bin: string, args: readonly string[] = []): Promise<Finished> =>
      run(dash, [script, "--from", secure.url, "--to", target, ...args], {
        env: { PATH: bin, TMPDIR: temporary, CURL_CA_BUNDLE: made.ca, WGETRC: scope.path("wgetrc") },
      });
    const redirectToHttp = (file: string): void => {
      secure.files.set(file, (response) => response.writeHead(302, { location: `${server.url}/${file}` }).end());
    };

    for (const downloader of ["curl", "wget"] as const) {
      it(`takes no sums over http, when the server sends ${downloader} there`, async () => {
        const bin = machine([downloader, "sha256sum"]);
        assert.equal((await installSecurely(bin)).code, 0);
        rmSync(scope.path(`${count}`, "opt"), { recursive: true });
        redirectToHttp("SHA256SUMS");
        assertRefused(await installSecurely(bin), /SHA256SUMS could not be downloaded/u);
        assert.ok(!server.asked.includes("SHA256SUMS"));
      });
    }

    it("takes no sums with a wget that does not check certificates", async () => {
      const bin = machine(["sha256sum"]);
      symlinkSync(findExecutable("busybox") ?? "busybox", join(bin, "wget"));
      assertRefused(await installSecurely(bin), /wget here does not check certificates: install curl, or give --/u);
      assert.deepEqual(secure.asked, []);
      const { stderr } = await installSecurely(bin, ["--version", version, "--sha256", sumOf(program)]);
      assert.doesNotMatch(stderr, /check certificates/u);
    });
  });

  it("prints no password of the address", async () => {
    const address = server.url.replace("//", "//user:hidden@");
    for (const from of [address, address.replace("http:", "https:"), "ftp://user:hidden@example.com"]) {
      const { code, stderr, stdout } = await install(["--from", from]);
      assert.deepEqual([code, /hidden/u.test(stdout + stderr)], [1, false], stderr);
    }
  });

  it("writes into no file that somebody put in its way", async () => {
    mkdirSync(target, { recursive: true });
    const other = scope.path(`${count}`, "other");
    writeFileSync(other, "kept");
    const words = ["-c", 'ln -s "$1" "$2/.tagseal-install-$$"; shift 2; exec "$@"', "sh", other, target];
    const { code, stderr } = await run(dash, [...words, dash, script, "--from", server.url, "--to", target], {
      env: { PATH: machine([...usual, "ln"]), TMPDIR: temporary },
    });
    assert.deepEqual([code, readFileSync(other, "utf8")], [0, "kept"], stderr);
    assert.equal(modeOf(join(target, "tagseal")), 0o755);
  });

  it("installs for the machine it runs on, and refuses one without an executable", async () => {
    for (const [system, cpu, file] of [
      ["Linux", "aarch64", "linux-arm64"],
      ["Darwin", "arm64", "darwin-arm64"],
      ["Darwin", "x86_64", "darwin-x64"],
    ] as const) {
      count += 1;
      mkdirSync((temporary = scope.path(`${count}`, "tmp")), { recursive: true });
      server.files.set("SHA256SUMS", `${sumOf(program)}  tagseal-${version}-${file}\n`);
      server.files.set(`tagseal-${version}-${file}`, program);
      const { code, stderr } = await install([], machine(usual, [system, cpu]));
      assert.equal(code, 0, stderr);
    }
  });

  for (const [system, cpu, sentence] of [
    ["FreeBSD", "x86_64", /There is no tagseal for FreeBSD: /u],
    ["Linux", "riscv64", /There is no tagseal for riscv64 processors: /u],
  ] as const) {
    it(`refuses ${system} on ${cpu}`, async () => {
      assertRefused(await install([], machine(usual, [system, cpu])), sentence);
      assert.deepEqual(server.asked, []);
    });
  }

  it("replaces an older one, and keeps it when it refuses", async () => {
    mkdirSync(target, { recursive: true });
    writeFileSync(join(target, "tagseal"), "older");
    server.files.set(name, `${program}# tampered with\n`);
    assert.equal((await install()).code, 1);
    assert.equal(readFileSync(join(target, "tagseal"), "utf8"), "older");
    assert.deepEqual(readdirSync(target), ["tagseal"]);
    server.files.set(name, program);
    assert.equal((await install()).code, 0);
    assert.equal(readFileSync(join(target, "tagseal"), "utf8"), program);
  });

  it("installs the version that is asked for, and the only one when none is", async () => {
    server.files.set("SHA256SUMS", `${sums}${sumOf("new")}  tagseal-0.2.0-linux-x64\n`);
    assertRefused(await install(), /has several versions for linux-x64: choose one with --version\./u);
    assertRefused(await install(["--version", "0.3.0"]), /has no tagseal 0\.3\.0 for linux-x64\./u);
    assert.equal((await install(["--version", "v0.1.0"])).code, 0);
  });

  it("takes the expected sum from you, and then asks for no other", async () => {
    const pinned = ["--version", version, "--sha256"];
    assertRefused(await install([...pinned, sumOf("another")]), /is not the file of the release: expected SHA-256 /u);
    assertRefused(await install(["--sha256", sumOf(program)]), /belongs to one version: give --version, too\./u);
    assertRefused(await install([...pinned, "abc"]), /does not have 64 hexadecimal digits\./u);
    assert.equal((await install([...pinned, sumOf(program).toUpperCase()])).code, 0);
    assert.ok(!server.asked.includes("SHA256SUMS"));
  });

  for (const [what, files, sentence] of [
    [
      "a file that was changed",
      { [name]: `${program}#` },
      /is not the file of the release: expected SHA-256 [0-9a-f]{64}, got [0-9a-f]{64}\./u,
    ],
    ["a file that is empty", { [name]: "" }, /is not the file of the release/u],
    ["sums that were changed", { SHA256SUMS: `${sumOf("x")}  ${name}\n` }, /is not the file of the release/u],
    ["sums that are empty", { SHA256SUMS: "" }, /SHA256SUMS of \S+ has no tagseal for linux-x64\./u],
    [
      "sums without this machine's file",
      { SHA256SUMS: sums.replace("x64", "s390x") },
      /has no tagseal for linux-x64\./u,
    ],
    [
      "sums with two sums of the file",
      { SHA256SUMS: `${sums}${sumOf("x")}  ${name}\n` },
      /several versions|no usable sum/u,
    ],
    ["a sum that is none", { SHA256SUMS: `0123  ${name}\n` }, /has no usable sum of tagseal 0\.1\.0 for linux-x64\./u],
    ["a page in place of the sums", { SHA256SUMS: "<html>not here</html>" }, /has no tagseal for linux-x64\./u],
    [
      "a file with the sum of another program",
      { [name]: "#!/bin/sh\n", SHA256SUMS: `${sumOf("#!/bin/sh\n")}  ${name}\n` },
      /does not start here/u,
    ],
  ] as const) {
    it(`refuses ${what}`, async () => {
      for (const [file, content] of Object.entries(files)) server.files.set(file, content);
      assertRefused(await install(), sentence);
    });
  }

  for (const downloader of ["curl", "wget"] as const) {
    it(`refuses what is not there, and what ends too early, with ${downloader}`, async () => {
      const bin = machine([downloader, "sha256sum"]);
      server.files.delete(name);
      assertRefused(await install([], bin), /tagseal-0\.1\.0-linux-x64 could not be downloaded\./u);
      server.files.set(name, (response) => {
        response.writeHead(200, { "content-length": program.length });
        response.write(program.slice(0, 10), () => response.destroy());
      });
      assertRefused(await install([], bin), /tagseal-0\.1\.0-linux-x64 could not be downloaded\./u);
      server.files.delete("SHA256SUMS");
      assertRefused(await install([], bin), /SHA256SUMS could not be downloaded(?: without a redirect)?\./u);
    });
  }

  it("leaves nothing behind when it is interrupted", async () => {
    server.files.set(name, (response) => void response.writeHead(200, { "content-length": 1000 }).write("#!"));
    const words = [script, "--from", server.url, "--to", target];
    const env = { PATH: machine(usual), HOME: scope.path("home"), TMPDIR: temporary };
    const running = await scope.start("installing", dash, words, {
      env,
      ready: () => server.asked.includes(name),
    });
    // Ctrl-C reaches the whole process group.
    process.kill(-running.pid, "SIGINT");
    await waitUntil("it is gone", async () => (await running.ended) === 130);
    assert.deepEqual(readdirSync(temporary), []);
    assert.equal(existsSync(scope.path(`${count}`, "opt")), false);
  });

  it("refuses a directory it cannot write into, before it downloads anything", async () => {
    const file = scope.path(`${count}`, "file");
    writeFileSync(file, "");
    assertRefused(await install(["--to", join(file, "bin")]), /Cannot install into \S+: \S+file is not a directory\./u);
    const closed = scope.path(`${count}`, "closed");
    mkdirSync(closed);
    chmodSync(closed, 0o555);
    chmodSync(scope.directory, 0o755);
    const words = ["--reuid=65534", "--clear-groups", "dash", script, "--from", server.url, "--to", closed];
    const refused = await run("setpriv", words, { env: { HOME: "/", TMPDIR: "/tmp" } });
    assertRefused(refused, /Cannot install into \S+: \S+closed is not writable\./u);
    mkdirSync(join(target, "tagseal"), { recursive: true });
    const { code, stderr } = await install();
    assert.deepEqual([code, /tagseal is a directory/u.test(stderr)], [1, true]);
    assert.deepEqual(server.asked, []);
  });

  it("refuses what it does not understand, and addresses that are not safe", async () => {
    for (const [args, sentence] of [
      [["--force"], /"--force" is not an option; see --help\./u],
      [["--version"], /--version needs a value; see --help\./u],
      [["--version", "../1"], /is not a version such as 0\.1\.0\./u],
      [["--from", "http://example.com/"], /does not begin with https:\/\/\./u],
      [["--from", "http://localhost:1@example.com/"], /does not begin with https:\/\/\./u],
      [["--from", "file:///tmp"], /does not begin with https:\/\/\./u],
      [["--from", "https://a b"], /contains a space/u],
    ] as const) {
      assertRefused(await install(args), sentence);
    }
    assert.deepEqual(server.asked, []);
  });

  it("says what a machine lacks", async () => {
    assertRefused(await install([], machine(["sha256sum"])), /Neither curl nor wget is installed/u);
    count += 1;
    mkdirSync((temporary = scope.path(`${count}`, "tmp")), { recursive: true });
    assertRefused(await install([], machine(["curl"])), /Neither sha256sum nor shasum nor openssl is installed/u);
  });

  it("knows no address while nothing is published, and takes one from the environment", async () => {
    const env = { PATH: machine(usual), HOME: scope.path("home"), TMPDIR: temporary };
    const words = [script, "--to", target];
    assertRefused(await run(dash, words, { env }), /No release is published yet, .*: give --from URL\./u);
    await runOk(dash, words, { env: { ...env, TAGSEAL_DOWNLOAD_URL: `${server.url}/` } });
    assert.match((await runOk(dash, [script, "--help"], { env })).stdout, /^Usage: install\.sh --from URL/u);
  });

  it("does nothing when it was cut off on the way", async () => {
    const whole = readFileSync(script, "utf8");
    for (const share of [0.3, 0.6, 0.9, 0.999]) {
      const { stdout } = await run(dash, ["-s", "--", "--from", server.url, "--to", target], {
        input: whole.slice(0, Math.floor((whole.length - 'main "$@"\n'.length) * share)),
        env: { PATH: machine(usual) },
      });
      assert.equal(stdout, "");
    }
    assert.deepEqual([server.asked, existsSync(target)], [[], false]);
  });

  it("is a script for every shell", async () => {
    await runOk("shellcheck", ["--shell=sh", "--severity=style", script]);
  });
});
