import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { spawn } from "node:child_process";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { FileKeyStore } from "../../src/keys/file-key-store.ts";
import type { PassphraseRequest } from "../../src/keys/passphrase.ts";
import { listTags } from "../../src/trust/reading/list.ts";
import { signTags } from "../../src/trust/publishing/sign.ts";
import { verifyTag } from "../../src/trust/reading/verify.ts";
import { type Person, tagOf, trustStory } from "./trust-story.ts";

const story = trustStory();

interface Typist {
  readonly keys: FileKeyStore;
  readonly asked: string[];
}

/** A key store on disk whose owner answers every question the same way. */
function typist(dockerConfigDir: string, passphrase: string): Typist {
  const asked: string[] = [];
  const passphraseFor = async ({ purpose, role }: PassphraseRequest): Promise<string> => {
    asked.push(`${purpose} ${role}`);
    return passphrase;
  };
  const directory = join(dockerConfigDir, "trust/private");
  return {
    asked,
    keys: new FileKeyStore({ directory, iterations: 1_000, passphrases: { interactive: true, passphraseFor } }),
  };
}

async function personTyping(passphrase: string, dockerConfigDir?: string): Promise<Person & Typist> {
  const home = dockerConfigDir ?? (await story.person()).dockerConfigDir;
  const typing = typist(home, passphrase);
  return { ...(await story.person({ dockerConfigDir: home, keys: typing.keys })), ...typing };
}

test("a first signature asks for two new passphrases, root first, and unlocks nothing it has just made", async () => {
  const person = await personTyping("correct horse");
  await signTags(await person.open("first/app"), [tagOf("v1")]);
  deepEqual(person.asked, ["new root", "new targets"]);
});

test("a wrong passphrase is called that, asked three times, and nothing is published", async () => {
  const owner = await personTyping("correct horse");
  await signTags(await owner.open("wrong/app"), [tagOf("v1")]);
  const clumsy = await personTyping("battery staple", owner.dockerConfigDir);
  await rejects(signTags(await clumsy.open("wrong/app"), [tagOf("v2")]), { code: "PASSPHRASE_WRONG" });
  deepEqual(clumsy.asked, ["unlock targets", "unlock targets", "unlock targets"]);
  deepEqual(
    (await listTags(await owner.open("wrong/app"))).map(({ tag }) => tag),
    ["v1"],
  );
});

test("a wrong passphrase for the root key leaves no new repository and no new key", async () => {
  const owner = await personTyping("correct horse");
  await signTags(await owner.open("root/one"), [tagOf("v1")]);
  const before = await readdir(join(owner.dockerConfigDir, "trust/private"));
  const clumsy = await personTyping("battery staple", owner.dockerConfigDir);
  await rejects(signTags(await clumsy.open("root/two"), [tagOf("v1")]), { code: "PASSPHRASE_WRONG" });
  deepEqual(await readdir(join(owner.dockerConfigDir, "trust/private")), before);
  await rejects(verifyTag(await owner.open("root/two"), "v1"), { code: "REPOSITORY_NOT_SIGNED" });
});

test("verifying touches no key", async () => {
  const owner = await personTyping("correct horse");
  await signTags(await owner.open("touch/app"), [tagOf("v1")]);
  const reader = await personTyping("unused", owner.dockerConfigDir);
  await verifyTag(await reader.open("touch/app"), "v1");
  deepEqual(reader.asked, []);
});

test("three processes with one trust directory sign 12 tags, none is lost, and the directory is left tidy", async () => {
  const owner = await personTyping("correct horse");
  await signTags(await owner.open("processes/app"), [tagOf("v0")]);
  const runs = ["a", "b", "c"].map(async (prefix) => {
    const script = fileURLToPath(new URL("./signing-process.ts", import.meta.url));
    const child = spawn(process.execPath, [script, story.url, owner.dockerConfigDir, prefix, "4"], {
      stdio: ["ignore", "inherit", "pipe"],
    });
    const [stderr, code] = await Promise.all([
      text(child.stderr),
      new Promise<number | null>((resolve) => child.on("exit", resolve)),
    ]);
    equal(code, 0, stderr);
  });
  await Promise.all(runs);
  const listed = (await listTags(await owner.open("processes/app"))).map(({ tag }) => tag);
  equal(listed.length, 13);
  const left = await readdir(join(owner.dockerConfigDir, "trust/tuf/localhost:5000/processes/app"), {
    recursive: true,
  });
  ok(!left.some((name) => name.endsWith(".tmp") || name.endsWith(".lock")), left.join(" "));
});
