/** What the editor signs, sent by hand: the reference server accepts it, and the reference client reads it. */

import { deepEqual, equal, match } from "node:assert/strict";
import { createHash } from "node:crypto";
import { request } from "node:https";
import { after, before, describe, test } from "node:test";
import { PublicKey } from "../../src/crypto/public-key.ts";
import { multipartOf } from "../../src/trust/trust-server/multipart-writer.ts";
import { CollectionEditor } from "../../src/tuf/editor.ts";
import type { RoleName, Target } from "../../src/tuf/metadata.ts";
import { HeldKeys } from "../support/held-keys.ts";
import { client, missingPeers, readText, Scope, startNotary } from "../support/peers.ts";
import type { Client, TrustServer } from "../support/peers.ts";
import { PublishedCollection } from "../support/published-collection.ts";

const gun = "registry.test/team/edited";
const base = `/v2/${gun}/_trust/tuf/`;

describe("an edited collection", { skip: missingPeers(["notary"]) }, () => {
  const scope = new Scope("editor");
  const held = new HeldKeys();
  const published = new PublishedCollection(gun);
  let server: TrustServer;
  let user: Client;

  before(async () => {
    server = await startNotary(scope, { store: "local" });
    user = client(scope, { server });
  });
  after(async () => await scope.close());

  test("is created on the reference server with a snapshot the server signs, and listed by notary", async () => {
    const keys = {
      rootKey: await held.generateRoot(gun, new Date()),
      targets: held.generate(),
      snapshot: await serverKey("snapshot"),
      timestamp: await serverKey("timestamp"),
    };
    const editor = CollectionEditor.create(gun, keys);
    editor.addTarget("targets", "v1", target("one"));
    await publish(editor, ["root", "targets"]);
    deepEqual(await listed(), [`v1 ${hex("one")} 3 targets`]);
  });

  test("takes names and custom data that are written differently in file and signature", async () => {
    await change(
      (editor) => {
        editor.addTarget("targets", "a<b>&c", target("two"));
        editor.addTarget("targets", "\u{1F600}", target("three"));
        editor.addTarget("targets", "\uFFFD", {
          ...target("four"),
          custom: { z: ["<&>", "\u2028", null], a: { b: true } },
        });
      },
      ["targets"],
    );
    equal((await listed()).length, 4);
  });

  test("delegates: signed by the signer's key, read with the delegation's role", async () => {
    const alice = held.generate();
    await change(
      (editor) => {
        editor.addDelegation("targets/releases", { addKeys: [alice], addPaths: [""] });
        editor.addTarget("targets/releases", "r1", target("release"));
      },
      ["targets", "targets/releases"],
    );
    deepEqual(await listed("-r", "targets/releases"), [`r1 ${hex("release")} 7 targets/releases`]);
    const { stdout } = await user.notaryOk(["delegation", "list", gun]);
    match(stdout, new RegExp(`targets/releases\\s+"" <all paths>\\s+${alice.keyId}\\s+1`));
  });

  test("rotates every key: the client that trusted the first root follows", async () => {
    await change((editor) => editor.rotateKey("targets", [held.generate()]), ["root", "targets"]);
    const root = await held.generateRoot(gun, new Date());
    await change((editor) => editor.rotateKey("root", [root]), ["root"]);
    await change((editor) => editor.rotateKey("snapshot", [held.generate()]), ["root", "snapshot"]);
    equal((await listed()).length, 5);
  });

  test("removes tags and delegations under its snapshot", async () => {
    await change(
      (editor) => {
        editor.removeTarget("targets", "a<b>&c");
        editor.removeTarget("targets", "\u{1F600}");
        editor.removeTarget("targets", "\uFFFD");
        editor.removeDelegation("targets/releases");
      },
      ["targets", "snapshot"],
    );
    deepEqual(await listed(), [`v1 ${hex("one")} 3 targets`]);
    match((await user.notaryOk(["delegation", "list", gun])).stdout, /No delegations present in this repository/);
  });

  async function change(edit: (editor: CollectionEditor) => void, roles: readonly RoleName[]): Promise<void> {
    const editor = CollectionEditor.from(published.read());
    edit(editor);
    await publish(editor, roles);
  }

  async function publish(editor: CollectionEditor, roles: readonly RoleName[]): Promise<void> {
    const files = await editor.sign(held.signingKeys, { now: new Date() });
    deepEqual([...files.keys()], roles);
    const { contentType, body } = multipartOf(files);
    const answer = await send(
      "POST",
      base,
      { "content-type": contentType, "content-length": String(body.length) },
      body,
    );
    deepEqual(answer, { status: 200, body: "" });
    const snapshot = await send("GET", `${base}snapshot.json`);
    published.publish(files).publish(new Map([["snapshot", Buffer.from(snapshot.body)]]));
  }

  async function serverKey(role: string): Promise<PublicKey> {
    const { status, body } = await send("GET", `${base}${role}.key`);
    equal(status, 200);
    const key = JSON.parse(body) as { keytype: string; keyval: { public: string } };
    return new PublicKey(key.keytype, Buffer.from(key.keyval.public, "base64"));
  }

  /** One line per target: name, digest, size, role. */
  async function listed(...args: readonly string[]): Promise<string[]> {
    const { stdout } = await user.notaryOk(["list", gun, ...args]);
    const rows = stdout.split("\n").filter((line) => /[0-9a-f]{64}/.test(line));
    return rows.map((line) => line.trim().replaceAll(/\s+/g, " "));
  }

  async function send(
    method: string,
    path: string,
    headers: Readonly<Record<string, string>> = {},
    body?: Uint8Array,
  ): Promise<{ status: number | undefined; body: string }> {
    const { promise, resolve, reject } = Promise.withResolvers<{ status: number | undefined; body: string }>();
    const options = { method, headers, ca: readText(server.ca), agent: false };
    const outgoing = request(`${server.url}${path}`, options, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => resolve({ status: response.statusCode, body: Buffer.concat(chunks).toString() }));
    });
    outgoing.on("error", reject);
    outgoing.end(body);
    return await promise;
  }
});

function target(content: string): Target {
  return { hashes: new Map([["sha256", createHash("sha256").update(content).digest()]]), length: content.length };
}

function hex(content: string): string {
  return createHash("sha256").update(content).digest("hex");
}
