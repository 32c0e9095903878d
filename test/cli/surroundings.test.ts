/** The current directory, which may be an untrusted checkout, must not change what the command does. */
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { certificates, freePort, run, Scope, tagsealCommand } from "../support/peers.ts";

describe("files in the working directory", () => {
  const scope = new Scope("surroundings");
  after(() => scope.close());

  it("add nothing to the environment and no code", async () => {
    const port = await freePort();
    writeFileSync(scope.path(".env"), "DOCKER_CONTENT_TRUST_SERVER=https://elsewhere.example:1\n");
    writeFileSync(scope.path("bunfig.toml"), 'preload = ["./preloaded.js"]\n');
    writeFileSync(scope.path("preloaded.js"), 'console.log("preloaded");\n');
    writeFileSync(scope.path("package.json"), '{"type":"commonjs"}\n');
    const { code, stdout, stderr } = await run(tagsealCommand, ["verify", `localhost:${port}/team/app:1.0`], {
      cwd: scope.directory,
      env: { HOME: scope.directory },
    });
    assert.equal(code, 4);
    assert.equal(stdout, "");
    assert.match(stderr, new RegExp(`cannot reach localhost:${port} `));
  });

  it("I9: are not searched for packages", async () => {
    const directory = scope.path("checkout");
    for (const name of ["pg", "mysql2", "kysely", "@grpc/grpc-js", "pkcs11js", "bcryptjs", "age-encryption", "uqr"]) {
      const place = join(directory, "node_modules", name);
      mkdirSync(place, { recursive: true });
      const marker = JSON.stringify(join(directory, `loaded-${name.replaceAll("/", "-")}`));
      writeFileSync(join(place, "package.json"), JSON.stringify({ name, version: "99.0.0", main: "index.js" }));
      for (const file of ["index.js", "promise.js"])
        writeFileSync(join(place, file), `require("node:fs").writeFileSync(${marker}, "");\n`);
    }
    const { serverCertificate: certificate, serverKey, ca } = await certificates(scope);
    const remote = { type: "remote", hostname: "localhost", port: "1", tls_ca_file: ca };
    const signer = { ...remote, tls_client_cert: certificate, tls_client_key: serverKey };
    writeFileSync(join(directory, "server.json"), JSON.stringify({ trust_service: signer }));
    const check = ["server", "config", "check", "--connect"];
    const commands = [
      [...check, "--database", "postgres://nobody@127.0.0.1:1/none"],
      [...check, "--database", "mysql://nobody@127.0.0.1:1/none"],
      [...check, "--data", "data", "--config", "server.json"],
      ["trust", "key", "tokens"],
    ];
    for (const words of commands)
      await run(tagsealCommand, words, { cwd: directory, env: { HOME: directory, NOTARY_SIGNER_DEFAULT: "12345678" } });
    const loaded = readdirSync(directory).filter((name) => name.startsWith("loaded-"));
    assert.deepEqual(loaded, []);
  });
});
