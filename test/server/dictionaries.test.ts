/** RFC 9842 as any client of it speaks it, without our client. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { DictionaryReplies } from "../../src/server/http/dictionary-replies.ts";
import { unconfirmedCacheControl } from "../../src/server/http/file-reply.ts";
import { target } from "../support/editing-story.ts";
import { serve, temporaryDirectory, type TestServer } from "./running-server.ts";
import { tufUrl, UploadingPublisher } from "./uploading-publisher.ts";

const gun = "registry.example.com:5000/team/app";
const sha256 = (bytes: Uint8Array): Buffer => createHash("sha256").update(bytes).digest();

interface Got {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

/** Like curl: nothing is decoded. */
async function get(url: string, headers: Readonly<Record<string, string>> = {}): Promise<Got> {
  return await new Promise((resolve, reject) => {
    const sent = request(url, { headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }),
      );
    });
    sent.on("error", reject).end();
  });
}

interface Versions {
  readonly server: TestServer;
  /** address and bytes of each version of `targets`, oldest first */
  readonly files: readonly { readonly url: string; readonly bytes: Buffer }[];
}

/** A repository of 500 tags, and two versions of it with a tag more each. */
async function versions(t: TestContext): Promise<Versions> {
  const server = await serve(t);
  const publisher = await new UploadingPublisher(server.url, gun).begin();
  const files: { readonly url: string; readonly bytes: Buffer }[] = [];
  for (const count of [500, 1, 1]) {
    const upload = await publisher.signed((editor) => {
      for (let at = 0; at < count; at += 1) {
        const name = `t${files.length}-${at}`;
        editor.addTarget("targets", name, target(name));
      }
    });
    assert.equal((await publisher.send(upload)).status, 200);
    const bytes = Buffer.from(upload.get("targets") ?? []);
    files.push({ url: `${tufUrl(server.url, gun)}targets.${sha256(bytes).toString("hex")}.json`, bytes });
  }
  return { server, files };
}

const asks = (dictionary: Uint8Array): Readonly<Record<string, string>> => ({
  "accept-encoding": "gzip, dcz",
  "available-dictionary": `:${sha256(dictionary).toString("base64")}:`,
});

describe("a client with an older version of a file", () => {
  it("gets the difference, which the zstd command decodes to the same bytes", async (t) => {
    const { files, server } = await versions(t);
    const [old, , newest] = files;
    assert.ok(old !== undefined && newest !== undefined);
    const { status, headers, body } = await get(newest.url, asks(old.bytes));
    assert.equal(status, 200);
    assert.equal(headers["content-encoding"], "dcz");
    assert.equal(headers["vary"], "Accept-Encoding, Available-Dictionary");
    assert.equal(body.subarray(0, 8).toString("hex"), "5e2a4d1820000000");
    assert.deepEqual(body.subarray(8, 40), sha256(old.bytes));
    assert.ok(body.length < 1000, `${body.length} bytes for a file of ${newest.bytes.length}`);
    const metrics = (await get(`${server.url}/metrics`)).body.toString();
    assert.match(metrics, /^tagseal_server_dcz_sent_total 1$/mu);
    if (spawnSync("zstd", ["--version"]).status !== 0) return t.diagnostic("zstd is not installed");
    const directory = temporaryDirectory(t);
    const [dictionary, coded] = [join(directory, "old"), join(directory, "new.dcz")];
    writeFileSync(dictionary, old.bytes);
    writeFileSync(coded, body);
    assert.deepEqual(execFileSync("zstd", ["-d", "-c", "-q", `--patch-from=${dictionary}`, coded]), newest.bytes);
  });

  it("gets the same difference again, and another one from another version", async (t) => {
    const { files } = await versions(t);
    const [old, middle, newest] = files;
    assert.ok(old !== undefined && middle !== undefined && newest !== undefined);
    const all = await Promise.all([old, old, middle].map(async ({ bytes }) => await get(newest.url, asks(bytes))));
    const [first, second, other] = all;
    assert.deepEqual(first?.body, second?.body);
    assert.equal(first?.headers["etag"], second?.headers["etag"]);
    assert.notEqual(first?.headers["etag"], other?.headers["etag"]);
    const tag = String(first?.headers["etag"]);
    assert.equal((await get(newest.url, { ...asks(old.bytes), "if-none-match": tag })).status, 304);
  });

  it("gets the whole file unless it asks in every way the RFC demands, for a version that is known and older", async (t) => {
    const { files } = await versions(t);
    const [old, , newest] = files;
    assert.ok(old !== undefined && newest !== undefined);
    const asked = asks(old.bytes);
    const dictionary = asked["available-dictionary"] ?? "";
    const others: readonly Readonly<Record<string, string>>[] = [
      {},
      { "accept-encoding": "dcz" },
      { "available-dictionary": dictionary },
      { ...asked, "accept-encoding": "*" },
      { ...asked, "accept-encoding": "gzip, dcz;q=0" },
      { ...asked, "available-dictionary": dictionary.slice(1, -1) },
      { ...asked, "available-dictionary": `${dictionary}, ${dictionary}` },
      { ...asked, "available-dictionary": ":AAAA:" },
      asks(Buffer.from("a file that nothing has")),
      asks(newest.bytes),
    ];
    for (const headers of others) {
      const got = await get(newest.url, headers);
      assert.equal(got.status, 200);
      assert.notEqual(got.headers["content-encoding"], "dcz", JSON.stringify(headers));
      assert.equal(got.headers["vary"], "Accept-Encoding, Available-Dictionary");
    }
    assert.notEqual((await get(old.url, asks(newest.bytes))).headers["content-encoding"], "dcz");
  });

  it("is shown which addresses a file is a dictionary for, as a URL pattern", async (t) => {
    const { files } = await versions(t);
    const [old, , newest] = files;
    assert.ok(old !== undefined && newest !== undefined);
    const header = String((await get(old.url)).headers["use-as-dictionary"]);
    const [, pattern] = /^match="([^"]+)"$/u.exec(header) ?? [];
    assert.ok(new URLPattern(pattern ?? "", old.url).test(newest.url));
    assert.ok(!new URLPattern(pattern ?? "", old.url).test(newest.url.replace("team/app", "team/other")));
    const timestamp = await get(new URL("timestamp.json", old.url).href, asks(old.bytes));
    assert.equal(timestamp.headers["use-as-dictionary"], undefined);
    assert.equal(timestamp.headers["content-encoding"], undefined);
  });

  it("gets the whole file where the store does not give the older version", async () => {
    const bytes = Buffer.alloc(10_000, "x");
    const file = {
      role: "targets",
      version: 2,
      sha256: sha256(bytes).toString("hex"),
      bytes,
      createdAt: new Date(),
    } as const;
    const never = Promise.withResolvers<undefined>().promise;
    for (const byChecksum of [async () => await Promise.reject(new Error("lost")), async () => await never])
      assert.equal(
        await new DictionaryReplies({ byChecksum }).find(gun, file, unconfirmedCacheControl, asks(bytes)),
        undefined,
      );
  });
});
