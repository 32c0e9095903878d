import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdir, rm, rmdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { refusal } from "../../test/support/registry-story.ts";
import { temporaryDirectory } from "../../test/support/temporary-directory.ts";
import { loadHostCertificates, registryCertificateDirectories } from "./certificate-directory.ts";

test("reads certificates as docker lays them out, from every directory", async (t) => {
  const root = temporaryDirectory(t);
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
  const root = temporaryDirectory(t);
  await mkdir(join(root, "reg"));
  execFileSync("mkfifo", [join(root, "reg/ca.crt")]);
  await refusal(loadHostCertificates([root], "reg"), "FILE_UNREADABLE", /ca\.crt is not a file/u);
});

test("I1: a certificate that is huge, a directory or leads nowhere is refused; a link to one is read", async (t) => {
  const root = temporaryDirectory(t);
  const file = join(root, "reg/ca.crt");
  await mkdir(join(root, "reg"));
  await writeFile(file, Buffer.alloc(1024 * 1024 + 1));
  await refusal(loadHostCertificates([root], "reg"), "FILE_UNREADABLE", /ca\.crt is larger than 1048576 bytes/u);
  await rm(file);
  await mkdir(file);
  await refusal(loadHostCertificates([root], "reg"), "FILE_UNREADABLE", /ca\.crt is not a file/u);
  await rmdir(file);
  await symlink("nowhere", file);
  await refusal(loadHostCertificates([root], "reg"), "FILE_UNREADABLE", /cannot read .*ca\.crt: no such file/u);
  await writeFile(join(root, "reg/nowhere"), "A");
  assert.deepEqual(await loadHostCertificates([root], "reg"), { ca: ["A"] });
});

test("a client certificate without its key is an error that names it", async (t) => {
  const root = temporaryDirectory(t);
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
