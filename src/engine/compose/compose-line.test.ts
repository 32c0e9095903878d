import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseInvocation } from "../command-line/invocation.ts";
import { type ComposeLine, readComposeLine } from "./compose-line.ts";

async function read(line: string): Promise<ComposeLine> {
  return readComposeLine(await parseInvocation(line.split(" "), "docker"));
}

describe("a line of docker compose", () => {
  it("is taken apart: what compose is asked with, and what it gets in its place", async () => {
    const line = await read(
      "-H unix:///x compose --ansi never -f a -fb --file=c --profile p -p name --env-file e up -d --pull always -- web db",
    );
    const { command, words, kept, files, services, tail, pullPolicy } = line;
    assert.equal(command, "up");
    assert.equal(words.join(" "), "compose --ansi never -f a -fb --file=c --profile p -p name --env-file e");
    assert.equal(kept.join(" "), "compose --ansi never --env-file e");
    assert.deepEqual(files, ["a", "b", "c"]);
    assert.deepEqual(services, ["web", "db"]);
    assert.equal(tail.join(" "), "-d -- web db");
    assert.equal(pullPolicy, "always");
  });

  it("of run ends at the service: what follows is the container's", async () => {
    const line = await read("compose run --rm -e A=1 web sh --pull always");
    assert.deepEqual(line.services, ["web"]);
    assert.equal(line.tail.join(" "), "--rm -e A=1 web sh --pull always");
    assert.equal(line.pullPolicy, undefined);
  });

  it("uses dependencies unless it says otherwise, as compose does", async () => {
    const using = async (text: string): Promise<boolean> => (await read(text)).withDependencies;
    assert.equal(await using("compose up web"), true);
    assert.equal(await using("compose up --no-deps web"), false);
    assert.equal(await using("compose pull web"), false);
    assert.equal(await using("compose pull --include-deps web"), true);
    assert.equal(await using("compose build web"), false);
  });

  it("gives build arguments to each build, and not twice", async () => {
    assert.equal((await read("compose build --build-arg A=1 -q web")).tail.join(" "), "-q web");
    const provenance = "--provenance mode=max web";
    assert.equal((await read(`compose build ${provenance}`)).tail.join(" "), provenance);
  });

  it("keeps Tagseal's flags from compose", async () => {
    assert.equal((await read("compose build --allow-local --disable-content-trust=false web")).tail.join(" "), "web");
  });

  for (const [line, message] of [
    ["compose up --watch", /^--watch builds whenever files change/u],
    ["compose up -dw", /^--watch builds/u],
    ["compose build --push web", /^--push pushes images and signs none/u],
    ["compose build --sbom true", /^--sbom starts a scanner/u],
    ["compose build --provenance mode=max,type=sbom,generator=evil", /^--provenance starts a scanner/u],
  ] as const) {
    it(`I9: is refused when it lets in what is not checked: ${line}`, async () => {
      await assert.rejects(read(line), { code: "COMPOSE_REFUSED", message });
    });
  }

  it("I9: is refused with a flag that is not known", async () => {
    await assert.rejects(read("compose up --from elsewhere"), { code: "USAGE", message: "unknown flag: --from" });
    await assert.rejects(read("compose --from elsewhere up"), { code: "USAGE", message: "unknown flag: --from" });
  });
});
