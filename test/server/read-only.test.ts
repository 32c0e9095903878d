/** A server that is started read-only: while a database is moved, or a copy is looked at. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { captured } from "../../src/cli/captured-io.ts";
import { main } from "../../src/cli/main.ts";
import { client, missingPeers, Scope, startTagsealServer } from "../support/peers.ts";
import { startSandbox } from "../support/sandbox.ts";
import { writeLayout } from "../support/images.ts";
import { waitUntil } from "../support/processes.ts";
import { serve, temporaryDirectory } from "./running-server.ts";
import { readTags, tufUrl, UploadingPublisher } from "./uploading-publisher.ts";

describe("a server that is started read-only", () => {
  it("serves readers and renews timestamps, refuses changes for now, and shows why", async (t) => {
    const dataDir = temporaryDirectory(t);
    const writable = await serve(t, { dataDir });
    await new UploadingPublisher(writable.url, "a/app").begin();
    await writable.close();
    const lifetimes = { timestampMs: 2000, snapshotMs: 86_400_000 };
    const server = await serve(t, { dataDir, readOnly: true, lifetimes });
    const url = tufUrl(server.url, "a/app");
    for (const [method, path] of [
      ["POST", ""],
      ["DELETE", ""],
      ["POST", "timestamp.key"],
    ] as const) {
      const refused = await fetch(url + path, { method });
      assert.equal(refused.status, 503, `${method} ${path}`);
      assert.equal(refused.headers.get("retry-after"), "300");
      assert.match(await refused.text(), /"code":"UPDATING".*"detail":"this server is read-only"/u);
    }
    for (const event of ["publication refused", "deletion refused", "key rotation refused"]) {
      const line = server.lines.find((found) => found.event === event);
      assert.deepEqual([line?.["level"], line?.["gun"]], ["info", "a/app"], event);
      assert.match(String(line?.["error"]), /read-only/u);
    }
    assert.ok(!server.lines.some(({ level }) => level === "error"), "nothing is wrong with the server");
    assert.deepEqual(await readTags(server.url, "a/app"), ["v1"]);
    const version = async (): Promise<number> => {
      const { signed } = (await (await fetch(`${url}timestamp.json`)).json()) as { signed: { version: number } };
      return signed.version;
    };
    const before = await version();
    await waitUntil("the timestamp is renewed", async () => (await version()) > before);
    const ready = await fetch(`${server.url}/_tagseal/ready`);
    assert.equal(ready.status, 200);
    assert.match(await ready.text(), /"degraded".*"read-only":"the server is read-only: it refuses publications"/u);
    assert.ok(
      server.lines.some(({ event, part, level }) => event === "fault" && part === "read-only" && level === "warning"),
    );
  });

  it("does what its operator asks on the database itself, with the configuration that makes it read-only", async (t) => {
    const dataDir = temporaryDirectory(t);
    const server = await serve(t, { dataDir });
    const url = tufUrl(server.url, "registry.example.com/app");
    await new UploadingPublisher(server.url, "registry.example.com/app").begin();
    assert.equal((await fetch(url, { method: "DELETE" })).status, 200);
    server.change({ readOnly: true });
    assert.equal((await fetch(url, { method: "DELETE" })).status, 503);
    const config = join(dataDir, "server.json");
    writeFileSync(config, JSON.stringify({ server: { read_only: true } }));
    for (const argv of [
      ["undelete", "registry.example.com/app"],
      ["raise", "registry.example.com/app", "--by", "100"],
      ["gc"],
    ]) {
      const { io, stderr } = captured({ env: {}, now: () => new Date() });
      const code = await main(["server", ...argv, "--config", config, "--data", dataDir], io);
      assert.equal(code, 0, `${argv.join(" ")}: ${stderr()}`);
    }
    assert.deepEqual(await readTags(server.url, "registry.example.com/app"), ["v1"]);
    const timestamp = (await (await fetch(`${url}timestamp.json`)).json()) as { signed: { version: number } };
    assert.ok(timestamp.signed.version > 100);
    server.change({ readOnly: false });
    assert.equal((await fetch(url, { method: "DELETE" })).status, 200);
    assert.ok(server.lines.some(({ event, part }) => event === "fault ended" && part === "read-only"));
  });

  it(
    "is not available now, for publishers; their readers go on",
    { skip: missingPeers(["notary", "docker 28"]) },
    async (t) => {
      const scope = new Scope("read-only");
      t.after(() => scope.close());
      const sandbox = await startSandbox(scope); // for its registry
      const first = await startTagsealServer(scope);
      const user = client(scope, { server: first, name: "user" });
      const image = `${sandbox.env["REGISTRY"]}/team/app:v1`;
      const repository = image.replace(":v1", "");
      const layout = await writeLayout(scope.path("image"), "image");
      await user.tagsealOk(["push", "-q", "--from", `oci:${layout.directory}`, image]);
      await first.process.stop();
      await startTagsealServer(scope, { data: first.data, port: first.port, args: ["--read-only"] });
      for (const refused of [
        await user.tagseal(["sign", `${repository}:v2@${layout.manifest.digest}`]),
        await user.notary(["addhash", repository, "v2", "3", "--sha256", "a".repeat(64), "-p"]),
        await user.notary(["key", "rotate", repository, "snapshot", "-r"]),
      ]) {
        assert.notEqual(refused.code, 0);
        assert.match(refused.stdout + refused.stderr, /unable to reach trust server at this time: 503/u);
      }
      await user.tagsealOk(["verify", image]);
      await user.dockerOk(["trust", "inspect", image]);
      await user.notaryOk(["lookup", repository, "v1"]);
    },
  );
});
