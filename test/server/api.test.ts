/** Each endpoint, header, status and body that clients of Notary v1 rely on, over real HTTP. */

import assert from "node:assert/strict";
import { request } from "node:http";
import { describe, it, type TestContext } from "node:test";
import { sha256Hex } from "../../src/crypto/sha256.ts";
import { referenceLifetimes } from "../../src/server/freshness/lifetimes.ts";
import { target } from "../support/editing-story.ts";
import { serve, type TestServer } from "./running-server.ts";
import { post, readTags, serverKey, tufUrl, UploadingPublisher } from "./uploading-publisher.ts";

const gun = "localhost:5000/a/first";

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

async function ask(server: TestServer, path: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(`${server.url}${path}`, init);
  return { status: response.status, headers: response.headers, text: await response.text() };
}

const tuf = `/v2/${gun}/_trust/tuf`;

async function published(t: TestContext, snapshotBy: "server" | "client" = "server") {
  const server = await serve(t);
  const publisher = await new UploadingPublisher(server.url, gun).begin(snapshotBy);
  return { server, publisher };
}

function wireCode(text: string): string {
  return (JSON.parse(text) as { errors: [{ code: string }] }).errors[0].code;
}

const notFound =
  '{"errors":[{"code":"METADATA_NOT_FOUND","message":"You have requested metadata that does not exist."}]}\n';
const fileNotFound = notFound.replace("}]}", ',"detail":{}}]}');

describe("paths of the trust server", () => {
  const cases: { method?: string; path: string; status: number; body?: string; type?: string }[] = [
    { path: "/", status: 404, body: notFound, type: "application/json; charset=utf-8" },
    { path: "/v2", status: 404, body: notFound },
    { path: "/v2/", status: 200, body: "{}", type: "text/plain; charset=utf-8" },
    { path: "/_notary_server/health", status: 200, body: "{}", type: "application/json; charset=utf-8" },
    { path: `${tuf}/nosuch.json`, status: 404, body: notFound },
    { path: `${tuf}/targets/nosuch.json`, status: 404, body: fileNotFound },
    { path: `${tuf}/2.root.json`, status: 404, body: fileNotFound },
    { path: `${tuf}/99999999999999999999.root.json`, status: 404, body: notFound },
    { path: `${tuf}/root.${"a".repeat(64)}.json`, status: 404, body: fileNotFound },
    { path: `${tuf}/targets.key`, status: 404, body: notFound },
    { path: `${tuf}/root.key`, status: 404, body: notFound },
    { path: "/v2/no/such/_trust/tuf/root.json", status: 404, body: fileNotFound },
    { path: "/v2/no/such/_trust/tuf/timestamp.json", status: 404, body: fileNotFound },
    { path: "/v2/_trust/changefeed", status: 400 },
    { method: "PUT", path: `${tuf}/root.json`, status: 404, body: notFound },
    { method: "PATCH", path: `${tuf}/root.json`, status: 405, body: "" },
    { method: "DELETE", path: "/v2/no/such/_trust/tuf/", status: 200, body: "" },
    { method: "DELETE", path: `${tuf}/root.json`, status: 404, body: notFound },
    { method: "POST", path: tuf, status: 404, body: notFound },
    { method: "POST", path: `${tuf}/`, status: 400 },
  ];
  it("answer as the reference does", async (t) => {
    const { server } = await published(t);
    for (const { method = "GET", path, status, body, type } of cases) {
      const answer = await ask(server, path, { method });
      assert.equal(answer.status, status, `${method} ${path}`);
      if (body !== undefined) assert.equal(answer.text, body, `${method} ${path}`);
      if (type !== undefined) assert.equal(answer.headers.get("content-type"), type, path);
      assert.equal(answer.headers.get("cache-control"), null, path);
    }
  });

  it("I8: refuse hostile names of collections, as they are or percent-encoded", async (t) => {
    const server = await serve(t);
    const hostile = [
      "..",
      "a/../b",
      "a//b",
      "a/%2e%2e/b",
      "%2e%2e",
      "a%00b",
      "a%0ab",
      "a%5cb",
      "a%20b",
      "x".repeat(256),
    ];
    for (const name of hostile) {
      const status = await rawStatus(server.url, `/v2/${name}/_trust/tuf/timestamp.key`);
      assert.equal(status, 400, name);
    }
  });
});

/** `fetch` tidies paths up; this sends them as they are. */
function rawStatus(url: string, path: string): Promise<number | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<number | undefined>();
  const sent = request(url, { path }, (response) => {
    response.resume();
    resolve(response.statusCode);
  });
  sent.on("error", reject).end();
  return promise;
}

describe("reading metadata", () => {
  it("gives current files with the reference's caching headers, a date in GMT and a strong tag", async (t) => {
    const { server, publisher } = await published(t);
    const { status, headers, text } = await ask(server, `${tuf}/targets.json`);
    assert.equal(status, 200);
    assert.deepEqual(Buffer.from(text), Buffer.from(publisher.published.files.get("targets") ?? []));
    assert.equal(headers.get("cache-control"), "public, max-age=300, s-maxage=300, must-revalidate");
    assert.match(headers.get("last-modified") ?? "", /^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/u);
    assert.equal(headers.get("etag"), `"${sha256Hex(Buffer.from(text))}"`);
    assert.equal(headers.get("content-type"), "text/plain; charset=utf-8");
    assert.equal(headers.get("content-length"), String(text.length));
  });

  it("gives files by checksum and by version for thirty days", async (t) => {
    const { server, publisher } = await published(t);
    const root = publisher.published.files.get("root") ?? new Uint8Array();
    for (const name of [`root.${sha256Hex(root)}`, "1.root", "01.root"]) {
      const { status, headers, text } = await ask(server, `${tuf}/${name}.json`);
      assert.equal(status, 200, name);
      assert.deepEqual(Buffer.from(text), Buffer.from(root));
      assert.equal(headers.get("cache-control"), "public, max-age=2592000, s-maxage=2592000");
    }
    assert.equal((await ask(server, `${tuf}/root.${sha256Hex(root).toUpperCase()}.json`)).status, 404);
  });

  it("does not give one collection's file under another's name", async (t) => {
    const { server, publisher } = await published(t);
    const checksum = sha256Hex(publisher.published.files.get("root") ?? new Uint8Array());
    assert.equal((await ask(server, `/v2/other/_trust/tuf/root.${checksum}.json`)).status, 404);
  });

  it("answers HEAD like GET, without the body", async (t) => {
    const { server } = await published(t);
    const got = await ask(server, `${tuf}/timestamp.json`);
    const head = await ask(server, `${tuf}/timestamp.json`, { method: "HEAD" });
    assert.equal(head.status, 200);
    assert.equal(head.text, "");
    assert.equal(head.headers.get("content-length"), String(got.text.length));
    assert.equal(head.headers.get("etag"), got.headers.get("etag"));
    assert.equal((await ask(server, "/", { method: "HEAD" })).status, 404);
  });

  it("answers 304 to who has the file, until another one is published", async (t) => {
    const { server, publisher } = await published(t);
    const etag = (await ask(server, `${tuf}/timestamp.json`)).headers.get("etag") ?? "";
    const again = () => ask(server, `${tuf}/timestamp.json`, { headers: { "If-None-Match": etag } });
    assert.equal((await again()).status, 304);
    await publisher.addTag("v2");
    assert.equal((await again()).status, 200);
  });

  it("compresses larger files for who accepts it", async (t) => {
    const { server, publisher } = await published(t);
    const root = Buffer.from(publisher.published.files.get("root") ?? []);
    const response = await fetch(`${server.url}${tuf}/root.json`, { headers: { "Accept-Encoding": "gzip" } });
    assert.equal(response.headers.get("content-encoding"), "gzip");
    assert.equal(response.headers.get("vary"), "Accept-Encoding");
    assert.ok(Number(response.headers.get("content-length")) < root.length);
    assert.deepEqual(Buffer.from(await response.arrayBuffer()), root);
  });

  it("is one connection for many requests", async (t) => {
    const server = await serve(t);
    assert.match((await ask(server, "/v2/")).headers.get("connection") ?? "", /keep-alive/u);
  });
});

describe("publishing", () => {
  for (const snapshotBy of ["server", "client"] as const) {
    it(`accepts a collection whose snapshot the ${snapshotBy} signs, and readers verify it`, async (t) => {
      const { server, publisher } = await published(t, snapshotBy);
      const response = await publisher.addTag("v2");
      assert.equal(response.status, 200);
      assert.equal(await response.text(), "");
      assert.deepEqual(await readTags(server.url, gun), ["v1", "v2"]);
    });
  }

  it("stores uploads byte for byte and makes its own timestamp", async (t) => {
    const server = await serve(t);
    const publisher = new UploadingPublisher(server.url, gun);
    const files = new Map(await publisher.firstUpload("client")).set("timestamp", Buffer.from("not even JSON"));
    assert.equal((await publisher.send(files)).status, 200);
    for (const role of ["root", "targets", "snapshot"]) {
      assert.deepEqual(
        Buffer.from((await ask(server, `${tuf}/${role}.json`)).text),
        Buffer.from(files.get(role) ?? []),
      );
    }
    assert.deepEqual(await readTags(server.url, gun), ["v1"]);
  });

  it("takes file names with .json, and the last of two parts for one role", async (t) => {
    const server = await serve(t);
    const publisher = new UploadingPublisher(server.url, gun);
    const form = new FormData();
    form.append("anything", new Blob(["{}"]), "root.json");
    for (const [role, bytes] of await publisher.firstUpload()) {
      form.append("anything", new Blob([Uint8Array.from(bytes)]), `${role}.json`);
    }
    assert.equal((await fetch(tufUrl(server.url, gun), { method: "POST", body: form })).status, 200);
    assert.deepEqual(await readTags(server.url, gun), ["v1"]);
  });

  it("answers an upload of nothing with a new snapshot and timestamp", async (t) => {
    const { server } = await published(t);
    const versions = async () =>
      JSON.parse((await ask(server, `${tuf}/timestamp.json`)).text) as { signed: { version: number } };
    const headers = { "Content-Type": "multipart/form-data; boundary=x" };
    const { status } = await ask(server, `${tuf}/`, { method: "POST", headers, body: "\r\n--x--\r\n" });
    assert.equal(status, 200);
    assert.equal((await versions()).signed.version, 2);
    assert.deepEqual(await readTags(server.url, gun), ["v1"]);
  });

  it("I7: answers VERSION with an empty detail when another publisher was faster", async (t) => {
    const { server, publisher } = await published(t);
    const slow = await publisher.signed((editor) => editor.addTarget("targets", "slow", target("slow")));
    await publisher.addTag("fast");
    const response = await post(server.url, gun, slow);
    assert.equal(response.status, 400);
    assert.equal(
      await response.text(),
      '{"errors":[{"code":"VERSION","message":"A newer version of metadata is already available.","detail":{}}]}\n',
    );
    assert.deepEqual(await readTags(server.url, gun), ["fast", "v1"]);
  });

  it("I7: lets one of many racing publishers win and mixes nothing", async (t) => {
    const { server, publisher } = await published(t);
    const names = ["a", "b", "c", "d", "e", "f"];
    const rivals = await Promise.all(
      names.map((name) => publisher.signed((editor) => editor.addTarget("targets", name, target(name)))),
    );
    const responses = await Promise.all(rivals.map((files) => post(server.url, gun, files)));
    const winners = names.filter((_, index) => responses[index]?.status === 200);
    assert.equal(winners.length, 1);
    for (const response of responses) {
      if (response.status !== 200) assert.equal(wireCode(await response.text()), "VERSION");
    }
    assert.deepEqual(await readTags(server.url, gun), [...winners, "v1"]);
  });

  const refusals: { name: string; files: Record<string, string>; code: string; detail?: unknown }[] = [
    { name: "a part that is not JSON", files: { targets: "{" }, code: "MALFORMED_JSON" },
    { name: "an empty part", files: { targets: "" }, code: "MALFORMED_JSON" },
    { name: "a role that cannot exist", files: { "../targets": "{}" }, code: "INVALID_ROLE", detail: "../targets" },
    { name: "a role in capitals", files: { "targets/A": "{}" }, code: "INVALID_ROLE", detail: "targets/A" },
    { name: "a part without a name", files: { "": "{}" }, code: "NO_FILENAME" },
    { name: "the name .json", files: { ".json": "{}" }, code: "INVALID_ROLE", detail: "" },
  ];
  for (const { name, files, code, detail } of refusals) {
    it(`refuses ${name} with ${code}`, async (t) => {
      const { server } = await published(t);
      const body = Object.entries(files)
        .map(
          ([role, text]) =>
            `--x\r\nContent-Disposition: form-data; name="files"; filename="${role}"\r\n\r\n${text}\r\n`,
        )
        .join("");
      const headers = { "Content-Type": "multipart/form-data; boundary=x" };
      const answer = await ask(server, `${tuf}/`, { method: "POST", headers, body: `${body}--x--\r\n` });
      assert.equal(answer.status, 400);
      const [error] = (JSON.parse(answer.text) as { errors: [{ code: string; detail?: unknown }] }).errors;
      assert.equal(error.code, code);
      assert.deepEqual(error.detail, detail);
    });
  }

  it("I8: refuses what readers would choke on, in the reference's form, and leaves the collection alone", async (t) => {
    const { server, publisher } = await published(t);
    const good = await publisher.signed((editor) => editor.addTarget("targets", "v2", target("v2")));
    const text = Buffer.from(good.get("targets") ?? []).toString();
    const bricks = [
      `${text}\n`,
      text.replace('{"signed"', '{ "signed"'),
      text.replace('"signatures":', '"x":1,"signatures":'),
    ];
    for (const brick of bricks) {
      const response = await post(server.url, gun, new Map([["targets", Buffer.from(brick)]]));
      assert.equal(response.status, 400);
      const [error] = ((await response.json()) as { errors: [{ code: string; detail: unknown }] }).errors;
      assert.equal(error.code, "INVALID_UPDATE");
      const detail = error.detail as { Name: string; Error: { Msg: string } };
      assert.equal(detail.Name, "ErrBadTargets");
      assert.match(detail.Error.Msg, /^targets is not in the one form/u);
    }
    assert.deepEqual(await readTags(server.url, gun), ["v1"]);
    assert.equal((await publisher.send(good)).status, 200);
  });

  it("names what is missing when it does not hold the snapshot's key", async (t) => {
    const { server, publisher } = await published(t, "client");
    const files = new Map(await publisher.signed((editor) => editor.addTarget("targets", "v2", target("v2"))));
    files.delete("snapshot");
    const { errors } = (await (await post(server.url, gun, files)).json()) as {
      errors: [{ code: string; detail: unknown }];
    };
    assert.deepEqual(errors[0].detail, {
      Name: "ErrBadHierarchy",
      Error: {
        Missing: "snapshot",
        Msg: "no snapshot was included in update and server does not hold current snapshot key for repository",
      },
    });
  });
});

describe("server keys", () => {
  it("are answered in the reference's form, the same one each time, also for names without publications", async (t) => {
    const server = await serve(t);
    const first = await ask(server, "/v2/no/such/_trust/tuf/timestamp.key");
    assert.match(first.text, /^\{"keytype":"ecdsa","keyval":\{"public":"[\w+/=]+","private":null\}\}$/u);
    assert.equal((await ask(server, "/v2/no/such/_trust/tuf/timestamp.key")).text, first.text);
    assert.notEqual((await ask(server, "/v2/no/such/_trust/tuf/snapshot.key")).text, first.text);
  });

  it("are the ones the root names, after a restart too", async (t) => {
    const { server } = await published(t);
    const before = await serverKey(server.url, gun, "timestamp");
    await server.close();
    const again = await serve(t, { dataDir: server.dataDir });
    assert.equal((await serverKey(again.url, gun, "timestamp")).keyId, before.keyId);
  });

  it("are asked for before a restart and published after it", async (t) => {
    const server = await serve(t);
    const publisher = new UploadingPublisher(server.url, gun);
    const files = await publisher.firstUpload();
    await server.close();
    const again = await serve(t, { dataDir: server.dataDir });
    assert.equal((await post(again.url, gun, files)).status, 200);
    assert.deepEqual(await readTags(again.url, gun), ["v1"]);
  });

  it("rotate to a pending key, which stays the same until it is published", async (t) => {
    const { server, publisher } = await published(t);
    const current = await serverKey(server.url, gun, "timestamp");
    const pending = await serverKey(server.url, gun, "timestamp", "POST");
    assert.notEqual(pending.keyId, current.keyId);
    assert.equal((await serverKey(server.url, gun, "timestamp", "POST")).keyId, pending.keyId);
    assert.equal((await serverKey(server.url, gun, "timestamp")).keyId, current.keyId);
    const rotation = await publisher.signed((editor) => editor.rotateKey("timestamp", [pending]));
    assert.equal((await publisher.send(rotation)).status, 200);
    assert.equal((await serverKey(server.url, gun, "timestamp")).keyId, pending.keyId);
    assert.deepEqual(await readTags(server.url, gun), ["v1"]);
  });

  it("of one collection do not serve another", async (t) => {
    const { server } = await published(t);
    const thief = new UploadingPublisher(server.url, "thief/app");
    const stolen = await serverKey(server.url, gun, "timestamp");
    await thief.begin();
    const response = await thief.send(await thief.signed((editor) => editor.rotateKey("timestamp", [stolen])));
    assert.equal(response.status, 400);
    assert.match(await response.text(), /no {2}timestamp keys exist on the server/u);
  });
});

describe("deleting", () => {
  it("removes everything at once, by every name, and lets the collection begin again", async (t) => {
    const { server, publisher } = await published(t);
    const checksum = sha256Hex(publisher.published.files.get("root") ?? new Uint8Array());
    await ask(server, `${tuf}/root.${checksum}.json`);
    assert.equal((await ask(server, `${tuf}/`, { method: "DELETE" })).status, 200);
    for (const name of ["timestamp", "root", "1.root", `root.${checksum}`]) {
      assert.equal((await ask(server, `${tuf}/${name}.json`)).status, 404, name);
    }
    await new UploadingPublisher(server.url, gun).begin();
    assert.deepEqual(await readTags(server.url, gun), ["v1"]);
  });
});

describe("an expired timestamp", () => {
  const start = new Date("2026-11-23T04:00:00Z").getTime();
  const day = 86_400_000;

  async function aged(t: TestContext, days: number) {
    const clock = { ms: start };
    const now = (): Date => new Date(clock.ms);
    const server = await serve(t, { now, lifetimes: referenceLifetimes, upkeep: false });
    const publisher = await new UploadingPublisher(server.url, gun, now).begin();
    clock.ms += days * day;
    return { server, publisher, now };
  }

  it("is signed again for who asks, once, and readers verify it", async (t) => {
    const { server, now } = await aged(t, 15);
    const answers = await Promise.all(Array.from({ length: 5 }, () => ask(server, `${tuf}/timestamp.json`)));
    const versions = answers.map(({ text }) => (JSON.parse(text) as { signed: { version: number } }).signed.version);
    assert.deepEqual(versions, [2, 2, 2, 2, 2]);
    assert.deepEqual(await readTags(server.url, gun, now()), ["v1"]);
    assert.equal(server.lines.filter(({ event }) => event === "renewed an expired timestamp").length, 1);
  });

  it("is left alone while it is fresh", async (t) => {
    const { server } = await aged(t, 13);
    const { text } = await ask(server, `${tuf}/timestamp.json`);
    assert.equal((JSON.parse(text) as { signed: { version: number } }).signed.version, 1);
  });

  it("is served as it is when readers would refuse a new one, and that is tried once a minute at most", async (t) => {
    const { server } = await aged(t, 4000);
    for (let count = 0; count < 3; count += 1) {
      const { status, text } = await ask(server, `${tuf}/timestamp.json`);
      assert.equal(status, 200);
      assert.equal((JSON.parse(text) as { signed: { version: number } }).signed.version, 1);
    }
    assert.equal(server.lines.filter(({ event }) => event === "cannot renew an expired timestamp").length, 1);
  });
});

describe("the changefeed over HTTP", () => {
  it("lists publications and deletions, of all collections or of one", async (t) => {
    const { server, publisher } = await published(t);
    await new UploadingPublisher(server.url, "other/app").begin();
    await publisher.addTag("v2");
    await ask(server, `${tuf}/`, { method: "DELETE" });
    const read = async (path: string) =>
      (
        JSON.parse((await ask(server, path)).text) as {
          records: { ID: string; GUN: string; Version: number; Category: string }[];
        }
      ).records;
    const all = await read("/v2/_trust/changefeed?records=10");
    assert.deepEqual(
      all.map(({ ID, GUN, Version, Category }) => `${ID} ${GUN} ${Version} ${Category}`),
      [`1 ${gun} 1 update`, "2 other/app 1 update", `3 ${gun} 2 update`, `4 ${gun} 0 deletion`],
    );
    const own = await read(`/v2/${gun}/_trust/changefeed?records=-2`);
    assert.deepEqual(
      own.map(({ ID }) => ID),
      ["3", "4"],
    );
    assert.equal((await ask(server, "/v2/_trust/changefeed?records=abc")).status, 400);
  });
});

describe("operators' settings", () => {
  it("limit the names that exist here", async (t) => {
    const server = await serve(t, { gunPrefixes: ["docker.io/", "reg.example.com/"] });
    const outside = await ask(server, `${tuf}/`, { method: "POST" });
    assert.equal(outside.status, 400);
    assert.match(
      outside.text,
      /"INVALID_GUN".*"detail":"Require GUNs with prefix: \[docker.io\/ reg.example.com\/\]"/u,
    );
    assert.equal((await ask(server, `${tuf}/timestamp.key`)).text, notFound);
    await new UploadingPublisher(server.url, "docker.io/library/alpine").begin();
  });

  it("may forbid caching", async (t) => {
    const server = await serve(t, { cacheAges: { current: 0, consistent: 0 } });
    await new UploadingPublisher(server.url, gun).begin();
    const { headers } = await ask(server, `${tuf}/1.root.json`);
    assert.equal(headers.get("cache-control"), "max-age=0, no-cache, no-store");
    assert.equal(headers.get("pragma"), "no-cache");
  });

  it("I10: may ask for leave before every request but health and metrics, the right leave for each", async (t) => {
    const asked: string[] = [];
    const challenge = 'Bearer realm="https://auth.example/token"';
    const server = await serve(t, {
      authorise: async ({ gun: name, actions }) => {
        asked.push(`${name ?? "catalog"}:${actions.join(",")}`);
        return { allowed: false, challenge };
      },
    });
    const refused = await ask(server, `${tuf}/timestamp.json`);
    assert.equal(refused.status, 401);
    assert.equal(refused.headers.get("www-authenticate"), challenge);
    assert.equal(
      refused.text,
      '{"errors":[{"code":"UNAUTHORIZED","message":"authentication required","detail":[{"Type":"repository","Class":"","Name":"localhost:5000/a/first","Action":"pull"}]}]}\n',
    );
    await ask(server, `${tuf}/`, { method: "POST" });
    await ask(server, `${tuf}/`, { method: "DELETE" });
    await ask(server, `${tuf}/timestamp.key`);
    await ask(server, `${tuf}/timestamp.key`, { method: "POST" });
    await ask(server, "/v2/");
    await ask(server, "/v2/_trust/changefeed?records=1");
    assert.equal((await ask(server, "/_notary_server/health")).status, 200);
    assert.equal((await ask(server, "/metrics")).status, 200);
    const repository = ["pull", "push,pull", "*", "push,pull", "*"].map((actions) => `${gun}:${actions}`);
    assert.deepEqual(asked, [...repository, "catalog:", "catalog:*"]);
  });

  it("I9: fails closed when the question of leave cannot be answered", async (t) => {
    const server = await serve(t, { authorise: async () => Promise.reject(new Error("no answer")) });
    const { status, text } = await ask(server, `${tuf}/timestamp.key`);
    assert.equal(status, 500);
    assert.doesNotMatch(text, /no answer/u);
  });
});

describe("metrics over HTTP", () => {
  it("count requests under the reference's names", async (t) => {
    const { server } = await published(t);
    await ask(server, `${tuf}/root.json`);
    const { headers, text } = await ask(server, "/metrics");
    assert.equal(headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    assert.match(text, /^notary_server_http_requests_total\{operation="UpdateTUF",method="post",code="200"\} 1$/mu);
    assert.match(text, /^notary_server_http_request_duration_microseconds_count\{operation="GetRole"\} 1$/mu);
    assert.match(text, /^tagseal_server_published_total 1$/mu);
  });
});
