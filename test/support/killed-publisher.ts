/** A publisher whose commands are killed, and its readers. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { PrivateKey } from "../../src/crypto/private-key.ts";
import { captured } from "../../src/cli/captured-io.ts";
import { main } from "../../src/cli/main.ts";
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
import type { Finished, Scope } from "./processes.ts";

let count = 0;
let readers = 0;

/** One repository, its owner with all keys, and a reader that knows it. */
export class KilledPublisher {
  readonly user: Client;
  #reader: Client;
  readonly #scope: Scope;
  readonly #server: EvilTrustServer;
  readonly gun: string;
  readonly keys: FileKeyStore;

  /** @param beside a repository with the same owner */
  constructor(scope: Scope, server: EvilTrustServer, beside?: KilledPublisher) {
    count += 1;
    this.#server = server;
    this.#scope = scope;
    this.gun = `localhost:5000/killed/app${count}`;
    this.user = beside?.user ?? client(scope, { name: `owner-${count}`, server });
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

  /** Runs a command of the owner to its end, in this process. */
  async run(argv: readonly string[]): Promise<Finished> {
    const given = Object.entries({ ...this.user.env, TAGSEAL_SPARE_PASSPHRASE: "spare passphrase" });
    const env = Object.fromEntries(given.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
    const { io, stdout, stderr } = captured({ env, now: () => new Date() });
    const code = await main(argv, io);
    return { code, stdout: stdout(), stderr: stderr() };
  }

  /** @throws AssertionError with what was printed when the exit status is not 0 */
  async runOk(argv: readonly string[]): Promise<void> {
    const { code, stderr } = await this.run(argv);
    assert.equal(code, 0, `tagseal ${argv.join(" ")}: ${stderr}`);
  }

  /** From now on the reader is one that does not know the repository. */
  changeReader(): void {
    readers += 1;
    this.#reader = client(this.#scope, { name: `new-reader-${readers}`, server: this.#server });
  }

  /** Where commands of the owner write: keys, and what is remembered. Exists from now on. */
  get directories(): readonly string[] {
    const { trustDirectory } = this.user;
    const metadata = join(this.memory, "metadata");
    const directories = [join(trustDirectory, "private"), this.memory, metadata, trustDirectory];
    for (const directory of directories) mkdirSync(directory, { recursive: true, mode: 0o700 });
    return directories;
  }

  /** What the owner remembers of the repository. */
  get memory(): string {
    return join(this.user.trustDirectory, "tuf", this.gun);
  }

  /** True when a rotation has begun, as far as the owner remembers, and has not ended. */
  get remembersRotation(): boolean {
    return existsSync(this.memory) && readdirSync(this.memory).some((file) => file.startsWith(".tagseal-rotation-"));
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
