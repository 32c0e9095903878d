import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { refusal, temporaryDirectory } from "../../test/support/registry-story.ts";
import { loadHostCertificates, registryCertificateDirectories } from "./certificate-directory.ts";
import { isConfiguredInsecure, loadInsecureRegistries, mayBePlain } from "./insecure-registries.ts";

test("reads certificates as docker lays them out, from every directory", async (t) => {
  const root = await temporaryDirectory(t);
  const [machine, user] = [join(root, "machine"), join(root, "user")];
  for (const directory of [machine, user]) await mkdir(join(directory, "reg:5000"), { recursive: true });
  await writeFile(join(machine, "reg:5000/b.crt"), "B");
  await writeFile(join(machine, "reg:5000/a.crt"), "A");
  await writeFile(join(user, "reg:5000/ca.crt"), "C");
  await writeFile(join(user, "reg:5000/client.cert"), "CERT");
  await writeFile(join(user, "reg:5000/client.key"), "KEY");
  await writeFile(join(user, "reg:5000/notes.txt"), "ignored");
  const settings = await loadHostCertificates([machine, join(root, "absent"), user], "reg:5000");
  assert.deepEqual(settings, { ca: ["A", "B", "C"], cert: "CERT", key: "KEY" });
  assert.deepEqual(await loadHostCertificates([machine, user], "reg"), {});
  for (const host of ["", "..", ".", "../machine/reg:5000", "a/b"])
    assert.deepEqual(await loadHostCertificates([user], host), {});
});

test("a pipe instead of a certificate is refused, and not waited for", async (t) => {
  const root = await temporaryDirectory(t);
  await mkdir(join(root, "reg"));
  execFileSync("mkfifo", [join(root, "reg/ca.crt")]);
  await refusal(loadHostCertificates([root], "reg"), "FILE_UNREADABLE", /ca\.crt is not a regular file/u);
});

test("a client certificate without its key is an error that names it", async (t) => {
  const root = await temporaryDirectory(t);
  await mkdir(join(root, "reg"));
  await writeFile(join(root, "reg/client.cert"), "CERT");
  await refusal(loadHostCertificates([root], "reg"), "FILE_UNREADABLE", /client\.cert and client\.key/);
});

test("the machine's directory comes before the user's", () => {
  assert.deepEqual(registryCertificateDirectories("/home/me/.docker", "/home/me"), [
    "/etc/docker/certs.d",
    "/home/me/.config/docker/certs.d",
    "/home/me/.docker/certs.d",
  ]);
});

test("insecure registries: by host, by host and port, by network; loopback always", async (t) => {
  const entries = ["reg.example.com", "other:5000", "10.0.0.0/8", "http://s1.example:5000", "HTTPS://S2.example/"];
  for (const host of ["s1.example:5000", "s2.example", "s2.example:1", "S2.EXAMPLE"])
    assert.ok(isConfiguredInsecure(host, entries), host);
  assert.ok(!isConfiguredInsecure("s1.example", entries));
  for (const host of ["reg.example.com", "reg.example.com:5000", "other:5000", "10.1.2.3:5000", "10.1.2.3"]) {
    assert.ok(isConfiguredInsecure(host, entries), host);
  }
  for (const host of ["other", "other:5001", "sub.reg.example.com", "11.1.2.3"])
    assert.ok(!mayBePlain(host, entries), host);
  for (const host of ["localhost", "localhost:5000", "127.0.0.1:5000", "127.9.9.9", "[::1]:5000"]) {
    assert.ok(mayBePlain(host, []), host);
    assert.ok(!isConfiguredInsecure(host, []), host);
  }
  for (const host of ["localhost.evil.example", "127.0.0.1.evil.example", "[::2]:5000"])
    assert.ok(!mayBePlain(host, []), host);
  const root = await temporaryDirectory(t);
  await writeFile(join(root, "daemon.json"), '{"insecure-registries":["a", 1, "b"]}');
  assert.deepEqual(await loadInsecureRegistries(join(root, "daemon.json")), ["a", "b"]);
  assert.deepEqual(await loadInsecureRegistries(join(root, "none.json")), []);
});
