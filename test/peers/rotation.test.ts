/** Every rotation, while docker 28, notary and Tagseal with warm caches go on reading: from notary-server and from our server. */
import assert from "node:assert/strict";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { it } from "node:test";
import { serialisePem } from "../../src/encoding/pem.ts";
import { FileKeyStore } from "../../src/keys/file-key-store.ts";
import { fromEnvironment } from "../../src/keys/passphrase-sources.ts";
import { tagseal } from "../server/restore-story.ts";
import { addHello } from "../support/notary-words.ts";
import { type Client, passphraseEnvironment } from "../support/peers.ts";
import { onEachServer, type ServerStory } from "./on-each-server.ts";
import { WarmReaders } from "./warm-readers.ts";

function stories({ scope, isNotarys, user }: ServerStory): void {
  const add = (who: Client, gun: string, tag: string, ...more: string[]): Promise<void> =>
    addHello(who, gun, tag, "-p", ...more);
  const rotate = async (who: Client, ...argv: string[]): Promise<string> => {
    const { code, stdout, stderr } = await tagseal(who, "trust", "key", "rotate", ...argv);
    assert.equal(code, 0, stderr);
    return stdout;
  };

  it("readers follow each base role's rotation, and notary publishes after it with the keys that are left", async () => {
    const gun = "localhost:5000/rotated/app";
    const owner = user("owner");
    await owner.notaryOk(["init", "-p", gun]);
    await add(owner, gun, "v0");
    const readers = new WarmReaders({ user }, gun);
    await readers.see("v0");
    const tags = ["v0"];
    const steps = [
      ["targets"],
      ["snapshot", "--server-managed"],
      ["timestamp"],
      ["root"],
      ["snapshot", "--publisher-managed"],
    ].slice(0, isNotarys ? 5 : 2);
    for (const [index, [role = "", ...flags]] of steps.entries()) {
      await rotate(owner, "--remove-old", ...flags, gun, role);
      await readers.see(...tags);
      const tag = `v${index + 1}`;
      await add(owner, gun, tag);
      tags.push(tag);
    }
    await readers.see(...tags);
    const left = isNotarys ? ["root", "snapshot", "targets"] : ["root", "targets"];
    assert.equal(readdirSync(join(owner.trustDirectory, "private")).length, left.length, "no old ones");
  });

  it("readers follow a signer's new key", async () => {
    const gun = "localhost:5000/rotated/signed";
    const owner = user("signers-owner");
    await owner.notaryOk(["init", "-p", gun]);
    const keys = new FileKeyStore({
      directory: join(owner.trustDirectory, "private"),
      passphrases: fromEnvironment(passphraseEnvironment),
      iterations: 2048,
    });
    const { publicKey } = await keys.make({ role: "alice" }, "ecdsa");
    const file = scope.path("alice.pub");
    writeFileSync(file, serialisePem({ label: "PUBLIC KEY", headers: new Map(), bytes: publicKey.bytes }));
    assert.equal((await tagseal(owner, "trust", "signer", "add", "--key", file, "alice", gun)).code, 0);
    await add(owner, gun, "v1", "-r", "targets/alice", "-r", "targets/releases");
    const readers = new WarmReaders({ user }, gun);
    await readers.see("v1");
    await rotate(owner, "--remove-old", gun, "alice");
    await readers.see("v1");
    await add(owner, gun, "v2", "-r", "targets/alice", "-r", "targets/releases");
    await readers.see("v1", "v2");
  });

  if (!isNotarys) return;

  it("readers who slept through several roots follow, and those of all repositories of one root key", async () => {
    const guns = ["one", "two"].map((name) => `localhost:5000/all/${name}`);
    const owner = user("all-owner");
    const readers: WarmReaders[] = [];
    for (const gun of guns) {
      await owner.notaryOk(["init", "-p", gun]);
      await add(owner, gun, "v1");
      readers.push(new WarmReaders({ user }, gun));
    }
    for (const reader of readers) await reader.see("v1");
    for (let count = 0; count < 2; count++) {
      const { stdout } = await owner.notaryOk(["key", "list"]);
      const old = /^\s*root\s+(\w{64})/mu.exec(stdout)?.[1] ?? "";
      assert.match(
        await rotate(owner, "--remove-old", "--all-with-key", old),
        new RegExp(`Removed the old private key ${old}`, "u"),
      );
    }
    for (const reader of readers) await reader.see("v1");
    for (const gun of guns) await add(owner, gun, "v2");
    for (const reader of readers) await reader.see("v1", "v2");
  });
}

onEachServer("rotations", { name: "rotation", peers: ["notary", "docker"] }, stories);
