/** RFC 9842 with nothing but `curl` and `zstd`: a reader and a publisher whose programs know no more of Tagseal than its documentation. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { describe, it, type TestContext } from "node:test";
import { sha256, sha256Hex } from "../../src/crypto/sha256.ts";
import { multipartOf } from "../../src/trust/trust-server/multipart-writer.ts";
import { serve } from "../server/running-server.ts";
import { readTags, tufUrl, UploadingPublisher, type Upload } from "../server/uploading-publisher.ts";
import { target } from "../support/editing-story.ts";
import { missingPeers, runOk, Scope } from "../support/peers.ts";

const gun = "registry.example.com/team/app";
/** of the RFC: a skippable frame of 32 bytes, which hold the hash of the dictionary */
const magic = Buffer.from("5e2a4d1820000000", "hex");

interface Story {
  readonly scope: Scope;
  readonly server: { readonly url: string };
  readonly publisher: UploadingPublisher;
  /** Runs curl, and fails with it for every status but 200. @returns the headers of the answer, lower-case */
  curl(to: string, args: readonly string[]): Promise<string>;
  /** The address of a version of `targets`. */
  address(bytes: Uint8Array): string;
}

function targetsIn(upload: Upload): Buffer {
  return Buffer.from(upload.get("targets") ?? assert.fail("no targets"));
}

async function story(t: TestContext): Promise<Story> {
  const scope = new Scope("differences-with-curl");
  t.after(async () => await scope.close());
  const server = await serve(t);
  return {
    scope,
    server,
    publisher: await new UploadingPublisher(server.url, gun).begin(),
    curl: async (to, args) =>
      (await runOk("curl", ["-sS", "--fail", "-D", "-", "-o", to, ...args])).stdout.toLowerCase(),
    address: (bytes) => `${tufUrl(server.url, gun)}targets.${sha256Hex(bytes)}.json`,
  };
}

/** A publication of so many tags. */
async function publication({ publisher }: Story, name: string, count: number): Promise<Upload> {
  return await publisher.signed((editor) => {
    for (let at = 0; at < count; at += 1) editor.addTarget("targets", `${name}-${at}`, target(`${name}-${at}`));
  });
}

describe("differences, with curl and zstd alone", { skip: missingPeers(["curl", "zstd"]) }, () => {
  it("a reader gets one more tag among thousands in less than a kilobyte, and has the same bytes", async (t) => {
    const world = await story(t);
    const many = await publication(world, "many", 3000);
    assert.equal((await world.publisher.send(many)).status, 200);
    const [old, changed, whole] = ["old", "changed.dcz", "whole"].map((name) => world.scope.path(name));
    assert.ok(old !== undefined && changed !== undefined && whole !== undefined);
    await world.curl(old, [world.address(targetsIn(many))]);
    const next = await publication(world, "next", 1);
    assert.equal((await world.publisher.send(next)).status, 200);

    const dictionary = sha256(readFileSync(old)).toString("base64");
    const asked = ["-H", "Accept-Encoding: dcz", "-H", `Available-Dictionary: :${dictionary}:`];
    const headers = await world.curl(changed, [...asked, world.address(targetsIn(next))]);
    assert.match(headers, /^content-encoding: dcz\r$/mu);
    assert.match(headers, /^vary: accept-encoding, available-dictionary\r$/mu);
    const coded = readFileSync(changed);
    assert.deepEqual(coded.subarray(0, 40), Buffer.concat([magic, sha256(readFileSync(old))]));
    assert.ok(coded.length < 1024, `${coded.length} bytes`);
    await runOk("zstd", ["-d", "-q", `--patch-from=${old}`, changed, "-o", whole]);
    assert.equal(sha256Hex(readFileSync(whole)), sha256Hex(targetsIn(next)));

    const plain = await world.curl(whole, [world.address(targetsIn(next))]);
    assert.doesNotMatch(plain, /content-encoding/u);
    assert.equal(sha256Hex(readFileSync(whole)), sha256Hex(targetsIn(next)));
  });

  it("a publisher sends one more tag as the difference, and readers get the bytes that were signed", async (t) => {
    const world = await story(t);
    const many = await publication(world, "many", 3000);
    assert.equal((await world.publisher.send(many)).status, 200);
    const timestamp = `${tufUrl(world.server.url, gun)}timestamp.json`;
    assert.match(await world.curl("/dev/null", [timestamp]), /^accept-encoding: dcz\r$/mu);

    const next = await publication(world, "next", 1);
    const { body, contentType } = multipartOf(next);
    const [old, form, frame, coded] = ["old", "form", "frame", "coded"].map((name) => world.scope.path(name));
    assert.ok(old !== undefined && form !== undefined && frame !== undefined && coded !== undefined);
    writeFileSync(old, targetsIn(many));
    writeFileSync(form, body);
    await runOk("zstd", ["-q", "-9", `--patch-from=${old}`, form, "-o", frame]);
    writeFileSync(coded, Buffer.concat([magic, sha256(targetsIn(many)), readFileSync(frame)]));
    assert.ok(readFileSync(coded).length < body.length / 100);
    const headers = ["-H", `Content-Type: ${contentType}`, "-H", "Content-Encoding: dcz"];
    await world.curl("/dev/null", [...headers, "--data-binary", `@${coded}`, tufUrl(world.server.url, gun)]);

    const got = world.scope.path("got");
    await world.curl(got, [world.address(targetsIn(next))]);
    assert.deepEqual(readFileSync(got), targetsIn(next));
    assert.equal((await readTags(world.server.url, gun)).length, 3002);
  });
});
