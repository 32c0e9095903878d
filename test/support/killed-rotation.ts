/** A publisher whose rotations and renewals are killed, and what must hold afterwards. */
import assert from "node:assert/strict";
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { PrivateKey } from "../../src/crypto/private-key.ts";
import { FileKeyStore } from "../../src/keys/file-key-store.ts";
import { fromEnvironment } from "../../src/keys/passphrase-sources.ts";
import { parseImageReference } from "../../src/reference/image-reference.ts";
import { openTrustContext } from "../../src/trust/open-trust-context.ts";
import { signTags } from "../../src/trust/publishing/sign.ts";
import { readCollection } from "../../src/trust/reading/collection-reading.ts";
import { verifyTag } from "../../src/trust/reading/verify.ts";
import { rotateKey } from "../../src/trust/rotation/rotate.ts";
import { addSigner } from "../../src/trust/signers/signer.ts";
import type { TrustContext } from "../../src/trust/trust-context.ts";
import type { RoleName } from "../../src/tuf/metadata.ts";
import { isDelegation } from "../../src/tuf/role-name.ts";
import { baseRoleSigners, declaredSigners, type RoleSigners } from "../../src/tuf/role-signers.ts";
import type { TrustedCollection } from "../../src/tuf/trusted-collection.ts";
import { digestOf, tagOf } from "../trust/trust-story.ts";
import { client, type Client } from "./clients.ts";
import type { EvilTrustServer } from "./evil-trust-server.ts";
import { killedAt, type Moment } from "./killed-command.ts";
import type { Scope } from "./processes.ts";

/** The commands that are killed, by name, and the role whose keys they replace. */
export const killedCommands = {
  "rotation of root": { role: "root", argv: (gun: string) => ["trust", "key", "rotate", "--remove-old", gun, "root"] },
  "rotation of targets": {
    role: "targets",
    argv: (gun: string) => ["trust", "key", "rotate", "--remove-old", gun, "targets"],
  },
  "rotation of the snapshot": {
    role: "snapshot",
    argv: (gun: string) => ["trust", "key", "rotate", "--remove-old", "--publisher-managed", gun, "snapshot"],
  },
  "rotation of a signer": {
    role: "targets/alice",
    argv: (gun: string) => ["trust", "key", "rotate", "--remove-old", gun, "alice"],
  },
  renewal: { role: undefined, argv: (gun: string) => ["trust", "renew", gun] },
} as const;

/** The name of a command that is killed. */
export type KilledCommandName = keyof typeof killedCommands;

let count = 0;

/** One repository, its owner with all keys, and a reader that knows it. */
class Publisher {
  readonly user: Client;
  readonly #reader: Client;
  readonly #server: EvilTrustServer;
  readonly gun: string;
  readonly keys: FileKeyStore;

  constructor(scope: Scope, server: EvilTrustServer) {
    count += 1;
    this.#server = server;
    this.gun = `localhost:5000/killed/app${count}`;
    this.user = client(scope, { name: `owner-${count}`, server });
    this.#reader = client(scope, { name: `reader-${count}`, server });
    const directory = join(this.user.trustDirectory, "private");
    this.keys = new FileKeyStore({ directory, passphrases: fromEnvironment(this.user.env), iterations: 10 });
  }

  async as<T>(who: "owner" | "reader", work: (context: TrustContext) => Promise<T>): Promise<T> {
    const { dockerConfig } = who === "owner" ? this.user : this.#reader;
    const context = await openTrustContext({
      reference: parseImageReference(this.gun),
      dockerConfigDir: dockerConfig,
      keys: this.keys,
      env: { DOCKER_CONTENT_TRUST_SERVER: this.#server.honestUrl },
      allowPlainHttpLoopback: true,
      access: "admin",
    });
    try {
      return await work(context);
    } finally {
      context.close();
    }
  }

  async publish(): Promise<void> {
    await this.as("owner", async (context) => {
      const alice = PrivateKey.generate("ecdsa");
      await this.keys.add(alice, { role: "alice" });
      await addSigner(context, "alice", [alice.publicKey]);
      await rotateKey(context, "snapshot", { holder: "publisher" });
      await signTags(context, [tagOf("v1")]);
    });
    await this.reads("v1");
  }

  async reads(tag: string): Promise<void> {
    const { digest, signers } = await this.as("reader", (context) => verifyTag(context, tag));
    assert.deepEqual([digest, signers], [digestOf(tag), ["alice"]]);
  }

  /** The keys that sign a role, by the IDs of their files. */
  async keysOf(role: string): Promise<readonly string[]> {
    const collection = await this.as("reader", readCollection);
    const { roleKeys, keys } = signersOf(collection, role);
    return (roleKeys.keyIds ?? []).map((id) => keys.get(id)?.bareKeyId ?? id);
  }
}

function signersOf(collection: TrustedCollection, role: RoleName): RoleSigners {
  return isDelegation(role) ? declaredSigners(collection.targets, role) : baseRoleSigners(collection.root, role);
}

/**
 * Kills a command at a moment, and shows that the repository is before or after it and usable, and that the command, run again, finishes.
 *
 * @returns false when the command ended before the moment came
 */
export async function surviveKill(
  name: KilledCommandName,
  moment: Moment,
  { scope, server }: { readonly scope: Scope; readonly server: EvilTrustServer },
): Promise<boolean> {
  const publisher = new Publisher(scope, server);
  await publisher.publish();
  const { gun, user, keys } = publisher;
  const { role, argv } = killedCommands[name];
  const rotated = role ?? "targets";
  const before = await publisher.keysOf(rotated);
  const kept = await keys.list();
  const metadata = join(user.trustDirectory, "tuf", gun);
  const directories = [join(user.trustDirectory, "private"), metadata, join(metadata, "metadata")];
  for (const directory of directories) mkdirSync(directory, { recursive: true, mode: 0o700 });
  const wasKilled = await killedAt(moment, argv(gun), { server, env: user.env, directories });
  const where = `${name}, killed at ${moment.kind} ${moment.number}`;

  await publisher.reads("v1");
  const between = await publisher.keysOf(rotated);
  assert.equal(between.length, 1, where);
  // Without the record of it the rotation had ended, and a second run is another one.
  const isToBeFinished =
    between[0] !== before[0] && readdirSync(metadata).some((file) => file.startsWith(".tagseal-rotation-"));
  if (wasKilled) {
    assert.ok((await keys.list()).length <= kept.length + 1, `${where}: one new key at most`);
    await publisher.as("owner", (context) => signTags(context, [tagOf("v2")]));
    await publisher.reads("v2");
    await user.tagsealOk(argv(gun));
  }
  const after = await publisher.keysOf(rotated);
  assert.equal(after.length, 1, where);
  assert.equal(after[0] === before[0], role === undefined, `${where}: the key is another one now`);
  if (isToBeFinished && wasKilled)
    assert.equal(after[0], between[0], `${where}: what was published is finished, not repeated`);
  assert.equal((await keys.list()).length, kept.length, `${where}: the new key in the place of the old one`);
  await publisher.as("owner", (context) => signTags(context, [tagOf("v3")]));
  await publisher.reads("v3");
  return wasKilled;
}
