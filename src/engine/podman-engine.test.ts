import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fakeProgram } from "../../test/support/fake-engine.ts";
import { temporaryDirectory } from "../../test/support/temporary-directory.ts";
import { parseDigest } from "../reference/digest.ts";
import type { Engine } from "./engine.ts";
import { openEngine } from "./open-engine.ts";

const directory = temporaryDirectory();

const digest = parseDigest(`sha256:${"ab".repeat(32)}`);
const log = join(directory, "log");
/** Writes its arguments down; the last of `--digestfile FILE` is where `written` goes. */
const recording = (written: string): string => `
echo "$@" >>${log}
while [ $# -gt 0 ]; do [ "$1" = --digestfile ] && file=$2; shift; done
[ -n "$file" ] && printf '%s' '${written}' >"$file"
exit 0`;

async function podman(script: string): Promise<Engine> {
  const executable = fakeProgram(directory, "podman", script);
  const env = { PATH: process.env["PATH"], DOCKER_CONTENT_TRUST: "1" };
  return await openEngine({
    kind: "podman",
    executable,
    globalArgs: ["--root", "/r"],
    env,
    dockerConfigDir: directory,
    credentials: async () => undefined,
  });
}

const lastCall = (): string => readFileSync(log, "utf8").trimEnd().split("\n").at(-1) ?? "";

describe("podman", () => {
  it("pushes to a complete name and says in a file what it pushed; the size it does not say", async () => {
    const engine = await podman(recording(`${digest}\n`));
    assert.deepEqual(await engine.push("alpine:3", { flags: ["--tls-verify=false"] }), {
      tag: "3",
      digest,
      size: undefined,
    });
    assert.match(
      lastCall(),
      /^--root \/r push --tls-verify=false --digestfile \S+ alpine:3 docker:\/\/docker\.io\/library\/alpine:3$/u,
    );
  });

  it("pushes a manifest list to the given destination", async () => {
    const engine = await podman(recording(digest));
    const options = { command: ["manifest", "push"], source: "list", destination: "docker://host/app:v1" };
    assert.equal((await engine.push("host/app:v1", options)).digest, digest);
    assert.match(lastCall(), /^--root \/r manifest push --digestfile \S+ list docker:\/\/host\/app:v1$/u);
  });

  it("is not believed when what it wrote is not a digest", async () => {
    const engine = await podman(recording("latest"));
    await assert.rejects(engine.push("alpine:3"), { code: "ENGINE_RESPONSE_MALFORMED" });
  });

  it("that fails to push has pushed nothing", async () => {
    const engine = await podman(recording(digest).replace("exit 0", "exit 125"));
    await assert.rejects(engine.push("alpine:3"), { code: "ENGINE_ERROR" });
  });

  it("pulls by complete name and digest, without the tag", async () => {
    const engine = await podman(recording(""));
    await engine.pullByDigest("alpine:3", digest, { platform: "linux/arm64", quiet: true });
    assert.equal(lastCall(), `--root /r pull --platform linux/arm64 --quiet docker.io/library/alpine@${digest}`);
  });

  it("knows images by its own word for absence, and quotes every other failure", async () => {
    assert.equal(await (await podman("exit 1")).imageExists("x"), false);
    assert.equal(await (await podman("exit 0")).imageExists("x"), true);
    await assert.rejects((await podman("echo 'Error: no storage' >&2; exit 125")).imageExists("x"), {
      code: "ENGINE_ERROR",
      message: "no storage",
    });
  });

  it("reports an image's ID and platform, with a variant or, as podman 4 does, without", async () => {
    const image = { Id: "cd".repeat(32), Os: "linux", Architecture: "arm64" };
    const found = async (printed: string): Promise<unknown> =>
      (await podman(`[ "$4" = exists ] || echo '${printed}'`)).findImage("x");
    const id = `sha256:${image.Id}`;
    const platform = { os: "linux", architecture: "arm64" };
    assert.deepEqual(await found(JSON.stringify([image])), { id, platform });
    assert.deepEqual(await found(JSON.stringify([{ ...image, Variant: "v8" }])), {
      id,
      platform: { ...platform, variant: "v8" },
    });
    for (const nonsense of ["", "[]", "[1]", "{}", '[{"Id":"short"}]']) {
      await assert.rejects(found(nonsense), { code: "ENGINE_RESPONSE_MALFORMED" });
    }
  });
});
