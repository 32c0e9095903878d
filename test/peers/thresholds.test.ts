/**
 * A root that two keys sign and targets that two of three sign, with docker 28 and notary: from notary-server, from our server, and from a
 * server in an attacker's hands that serves what one key signed.
 */
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { FileKeyStore } from "../../src/keys/file-key-store.ts";
import { fromEnvironment } from "../../src/keys/passphrase-sources.ts";
import { tagseal } from "../server/restore-story.ts";
import { startEvilTrustServer, type EvilTrustServer } from "../support/evil-trust-server.ts";
import { addHello, helloSha256 } from "../support/notary-words.ts";
import { client, type Client, missingPeers, passphraseEnvironment, Scope } from "../support/peers.ts";
import { SimulatedRepository, simulatedKey } from "../support/simulated-repository.ts";
import { onEachServer, type ServerStory } from "./on-each-server.ts";
import { WarmReaders } from "./warm-readers.ts";

const peers = ["notary", "docker"] as const;

function stories({ user }: ServerStory): void {
  const privateKeys = (who: Client): string => join(who.trustDirectory, "private");
  const made = async (who: Client, role: "root" | "targets", gun: string): Promise<string> => {
    const passphrases = fromEnvironment(passphraseEnvironment);
    const keys = new FileKeyStore({ directory: privateKeys(who), passphrases, iterations: 2048 });
    return (await keys.make(role === "root" ? { role } : { role, gun }, "ecdsa")).publicKey.keyId;
  };
  const rotated = async (who: Client, ...argv: string[]): Promise<readonly { readonly keyId: string }[]> => {
    const { code, stdout, stderr } = await tagseal(who, "trust", "key", "rotate", "--json", ...argv);
    assert.equal(code, 0, stderr);
    return (JSON.parse(stdout) as { newKeys: readonly { readonly keyId: string }[] }).newKeys;
  };
  const add = (who: Client, gun: string, tag: string): Promise<void> => addHello(who, gun, tag, "-p");
  /** The keys of a role that notary's list has for it. */
  const keysOf = async (who: Client, role: string): Promise<string[]> => {
    const { stdout } = await who.notaryOk(["key", "list"]);
    return [...stdout.matchAll(new RegExp(`^\\s*${role}\\s.*?(\\w{64})`, "gmu"))].map(([, id = ""]) => id);
  };

  it("docker, notary and Tagseal follow to thresholds and back, and notary publishes with the keys of two", async () => {
    const gun = "localhost:5000/thresholds/app";
    const owner = user("owner");
    await owner.notaryOk(["init", "-p", gun]);
    await add(owner, gun, "v0");
    const readers = new WarmReaders({ user }, gun);
    await readers.see("v0");
    const [root = ""] = await keysOf(owner, "root");
    const [targets = ""] = await keysOf(owner, "targets");
    const secondRoot = await made(owner, "root", gun);
    const [second, third] = [await made(owner, "targets", gun), await made(owner, "targets", gun)];

    await rotated(owner, gun, "root", "--threshold", "2", "--key", root, "--key", secondRoot);
    const three = ["--key", targets, "--key", second, "--key", third];
    await rotated(owner, gun, "targets", "--threshold", "2", ...three);
    await readers.see("v0");
    await add(owner, gun, "v1");
    await readers.see("v0", "v1");
    await new WarmReaders({ user }, gun, "cold").see("v0", "v1");

    rmSync(join(privateKeys(owner), `${third}.key`));
    await add(owner, gun, "v2");
    await rotated(owner, gun, "targets", "--replace", third);
    await rotated(owner, gun, "root", "--replace", secondRoot);
    await add(owner, gun, "v3");
    await readers.see("v0", "v1", "v2", "v3");

    for (const key of await keysOf(owner, "targets"))
      if (key !== targets) rmSync(join(privateKeys(owner), `${key}.key`));
    const alone = await owner.notary(["addhash", "-p", gun, "v4", "6", "--sha256", helloSha256]);
    assert.notEqual(alone.code, 0, "notary does not publish with one key of two either");
    const ours = await tagseal(owner, "trust", "revoke", `${gun}:v3`);
    assert.match(ours.stderr, /1 of the 2 keys that must sign.*\[SIGNING_KEY_MISSING\]/u);
    await readers.see("v0", "v1", "v2", "v3");
  });
}

onEachServer("thresholds", { name: "thresholds", peers }, stories);

describe("a server that serves what too few keys signed", { skip: missingPeers(peers) }, () => {
  const scope = new Scope("under-signed");
  let server: EvilTrustServer;
  before(async () => void (server = await startEvilTrustServer(scope)));
  after(async () => await scope.close());

  const insufficient = /malicious behavior|did not meet threshold|failed to validate integrity|could not rotate trust/u;
  const words = { docker: insufficient, notary: insufficient, tagseal: insufficient };

  /** Two of three sign targets, two of two the root; an attacker with the server's keys signs the rest. */
  const served = async (name: string): Promise<SimulatedRepository> => {
    const repository = await SimulatedRepository.unpublished(`localhost:5000/under-signed/${name}`);
    repository.setExpiry("timestamp", new Date(Date.now() + 86_400_000).toISOString());
    repository.rotate("targets", [simulatedKey(), simulatedKey(), simulatedKey()], 2);
    repository.rotate("root", [await repository.rootKey(), await repository.rootKey()], 2);
    repository.addTarget("v1");
    await repository.publish();
    server.tamper = async ({ method, file }, forward) => {
      const body = method === "GET" ? repository.served.get(file.replace(/\.json$/u, "")) : undefined;
      return body === undefined ? await forward() : { status: 200, body };
    };
    return repository;
  };

  for (const role of ["targets", "root"] as const) {
    it(`I2: docker, notary and Tagseal refuse ${role} signed by one key of two, with warm and cold caches`, async () => {
      const repository = await served(role);
      const { gun } = repository;
      const user = (name: string): Client => client(scope, { server, name });
      const warm = new WarmReaders({ user }, gun, "warm");
      await warm.see("v1");
      const [one = assert.fail(), two = assert.fail()] = repository.keys.get(role) ?? [];
      const signers = [[one], [one, one], [two]];
      for (const [index, signWith] of signers.entries()) {
        repository.addTarget("v2");
        repository.corrupt(role, { signWith });
        await repository.publish();
        await warm.refuse(words);
        await new WarmReaders({ user }, gun, `cold-${index}`).refuse(words);
      }
      repository.corrupt(role, { signWith: [one, two] });
      await repository.publish();
      await warm.see("v1", "v2");
    });
  }
});
