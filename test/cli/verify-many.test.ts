/** `tagseal verify` of many images: what is asked of the server, the order of results, and what a failure does to the others. */
import assert from "node:assert/strict";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { IncomingMessage } from "node:http";
import { writeFileSync } from "node:fs";
import { before, describe, it } from "node:test";
import { captured } from "../../src/cli/captured-io.ts";
import { CliSandbox, type Outcome } from "./cli-sandbox.ts";

describe("tagseal verify of many images", () => {
  const stage = CliSandbox.forSuite("verify-many");
  const tags = ["v1", "v2", "v3"];
  const one = (): string => stage.repository("team/one");
  const two = (): string => stage.repository("team/two");
  let digest: string;

  before(async () => {
    const image = await stage.image("1");
    digest = image.manifestDigest;
    await stage.publish(image, ...tags.map((tag) => `${one()}:${tag}`), `${two()}:v1`);
    // later readings are warm: everything is known already
    await stage.ok(["verify", `${one()}:v1`]);
    await stage.ok(["verify", `${two()}:v1`]);
  });

  /** Runs a command, and counts the requests for trust data of each repository. */
  async function requestsOf(argv: readonly string[]): Promise<{ outcome: Outcome; requests: Map<string, number> }> {
    const requests = new Map<string, number>();
    const count = (message: unknown): void => {
      const { url = "" } = (message as { readonly request: IncomingMessage }).request;
      const gun = /^\/v2\/(.+)\/_trust\/tuf\//u.exec(url)?.[1];
      if (gun !== undefined) requests.set(gun, (requests.get(gun) ?? 0) + 1);
    };
    subscribe("http.server.request.start", count);
    try {
      return { outcome: await stage.run(argv), requests };
    } finally {
      unsubscribe("http.server.request.start", count);
    }
  }

  const pinned = (name: string): string => `${name}@${digest}`;

  it("asks for each repository once, whatever the number of its tags", async () => {
    const alone = await requestsOf(["verify", `${one()}:v1`]);
    assert.deepEqual(alone.requests, new Map([[one(), 1]]));
    const images = [...tags, ...tags].map((tag) => `${one()}:${tag}`);
    const { outcome, requests } = await requestsOf(["verify", ...images, `${two()}:v1`]);
    assert.deepEqual(
      requests,
      new Map([
        [one(), 1],
        [two(), 1],
      ]),
    );
    assert.equal(outcome.stdout, [...images, `${two()}:v1`].map((name) => `${pinned(name)}\n`).join(""));
  });

  it("prints results in the order of the arguments, and goes on after failures", async () => {
    const names = [`${two()}:v1`, `${one()}:none`, "Not A Name", `${stage.repository("team/none")}:v1`, `${one()}:v2`];
    const { code, stdout, stderr } = await stage.run(["verify", ...names]);
    assert.equal(stdout, `${pinned(`${two()}:v1`)}\n${pinned(`${one()}:v2`)}\n`);
    assert.equal(code, 2, "the status of the first failed image: not signed");
    assert.match(stderr, /^[^\n]*team\/one:none: No valid trust data for none\nhint: /u);
    assert.ok(stderr.indexOf("team/one:none:") < stderr.indexOf("Not A Name:"));
    assert.ok(stderr.indexOf("Not A Name:") < stderr.indexOf("team/none:v1:"));
    assert.match(stderr, /\n3 of 5 images failed\n$/u);
  });

  it("has the status of the first failed image in the order of the arguments", async () => {
    const { code } = await stage.run(["verify", "Not A Name", `${one()}:none`]);
    assert.equal(code, 1);
    const wrong = await stage.run(["verify", `${one()}:v1@sha256:${"0".repeat(64)}`, `${one()}:none`]);
    assert.equal(wrong.code, 3);
  });

  it("prints digests alone with --quiet", async () => {
    const { stdout } = await stage.ok(["verify", "-q", `${one()}:v1`, `${two()}:v1`]);
    assert.equal(stdout, `${digest}\n${digest}\n`);
  });

  it("prints one line of JSON for each image, failures too", async () => {
    const names = [`${one()}:v1`, `${one()}:none`, `${two()}:v1`];
    const { code, stdout } = await stage.run(["verify", "--json", ...names]);
    assert.equal(code, 2);
    const lines = stdout.trimEnd().split("\n");
    const results = new Map(
      lines.map((line) => JSON.parse(line) as Record<string, unknown>).map((each) => [each["name"], each]),
    );
    assert.deepEqual(new Set(results.keys()), new Set(names));
    assert.equal(results.get(names[0])?.["image"], pinned(`${one()}:v1`));
    assert.equal(results.get(names[0])?.["digest"], digest);
    assert.equal((results.get(names[1])?.["error"] as { code?: string } | undefined)?.code, "TAG_NOT_SIGNED");
  });

  it("takes more images from a file, and from standard input", async () => {
    const file = stage.path("images.txt");
    writeFileSync(file, `# what the cluster runs\n\n  ${one()}:v2  \r\n${two()}:v1\n`);
    const expected = [`${one()}:v1`, `${one()}:v2`, `${two()}:v1`].map((name) => `${pinned(name)}\n`).join("");
    assert.equal((await stage.ok(["verify", "--from", file, `${one()}:v1`])).stdout, expected);
    const { prompter: silent } = captured({ env: {}, now: () => new Date() }).io;
    const prompter = { ...silent, readAll: async () => `${one()}:v2\n${two()}:v1` };
    assert.equal((await stage.ok(["verify", "--from", "-", `${one()}:v1`], { prompter })).stdout, expected);
  });

  it("has the form of many results for a file with one name", async () => {
    const file = stage.path("one-image.txt");
    writeFileSync(file, `${one()}:v1\n`);
    assert.equal((await stage.ok(["verify", "--from", file])).stdout, `${pinned(`${one()}:v1`)}\n`);
  });

  it("refuses a file that is missing, or has no names", async () => {
    const empty = stage.path("empty.txt");
    writeFileSync(empty, "# nothing\n");
    assert.match((await stage.run(["verify", "--from", stage.path("missing.txt")])).stderr, /\[FILE_UNREADABLE\]/u);
    const { code, stderr } = await stage.run(["verify", "--from", empty]);
    assert.equal(code, 1);
    assert.match(stderr, /empty\.txt does not name an image/u);
  });

  it("verifies four hundred images of one repository with one request", async () => {
    const file = stage.path("thousands.txt");
    writeFileSync(file, Array.from({ length: 400 }, (_, index) => `${one()}:${tags[index % 3]}\n`).join(""));
    const { outcome, requests } = await requestsOf(["verify", "--from", file]);
    assert.equal(outcome.stdout.split("\n").length - 1, 400);
    assert.deepEqual(requests, new Map([[one(), 1]]));
  });
});
