import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { missingPeers } from "../../test/support/requirements.ts";
import { temporaryDirectory } from "../../test/support/temporary-directory.ts";
import { hasCode } from "../errors.ts";
import { readContext } from "./context.ts";

const directory = temporaryDirectory();
const env = { PATH: process.env["PATH"], HOME: directory, DOCKER_CONFIG: directory };

/** docker's own context, and where its file is. */
function created(name: string, host: string): string {
  const meta = join(directory, "contexts", "meta");
  mkdirSync(meta, { recursive: true });
  const before = new Set(readdirSync(meta));
  execFileSync("docker", ["context", "create", name, "--docker", host], { env, stdio: "ignore" });
  const id = readdirSync(meta).find((entry) => !before.has(entry)) ?? "";
  return join(meta, id, "meta.json");
}

async function refusal(name: string): Promise<string> {
  try {
    await readContext(directory, name);
  } catch (error) {
    assert.ok(hasCode(error, "FILE_UNREADABLE", "USAGE"), String(error));
    return error.message;
  }
  throw new assert.AssertionError({ message: `${name} was read` });
}

describe("a context that docker made", { skip: missingPeers(["docker 28"]) }, () => {
  it("is read as docker reads it", async () => {
    for (const [name, host] of [
      ["plain", "tcp://127.0.0.1:9"],
      ["with.odd+name", "unix:///run/other.sock"],
    ] as const) {
      created(name, `host=${host}`);
      const { tlsDirectory, ...found } = await readContext(directory, name);
      assert.deepEqual(found, { host, skipTlsVerify: false });
      const format = "{{.Endpoints.docker.Host}} {{.Storage.TLSPath}}/docker";
      const shown = execFileSync("docker", ["context", "inspect", name, "--format", format], { env, encoding: "utf8" });
      assert.equal(`${found.host} ${tlsDirectory}\n`, shown);
    }
  });

  it("I1: and that is broken since, huge, a directory or a pipe is an error at once, as with docker", async () => {
    const file = created("broken", "host=tcp://127.0.0.1:9");
    const withFile = async (put: () => void): Promise<string> => {
      rmSync(file, { recursive: true });
      put();
      return await refusal("broken");
    };
    for (const text of ["{", "[]", '{"Endpoints":5}', '{"Endpoints":{"docker":{"Host":5}}}']) {
      assert.match(
        await withFile(() => writeFileSync(file, text)),
        /meta\.json (?:is not JSON|is not a JSON|has a)/u,
        text,
      );
      assert.throws(() => execFileSync("docker", ["context", "inspect", "broken"], { env, stdio: "ignore" }), text);
    }
    const verify = '{"Endpoints":{"docker":{"Host":"tcp://x","SkipTLSVerify":"no"}}}';
    assert.match(await withFile(() => writeFileSync(file, verify)), /"SkipTLSVerify" that is neither true nor false/u);
    const huge = Buffer.alloc(4 * 1024 * 1024 + 1, " ");
    assert.match(await withFile(() => writeFileSync(file, huge)), /meta\.json is larger than/u);
    assert.match(await withFile(() => mkdirSync(file)), /meta\.json is not a file/u);
    const mkfifo = "mkfifo";
    assert.match(await withFile(() => execFileSync(mkfifo, [file])), /meta\.json is not a file/u);
    assert.match(await withFile(() => symlinkSync("nowhere", file)), /^context "broken": context not found$/u);
  });
});
