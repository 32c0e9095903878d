/** Published collections on a Tagseal server, for stories about moving them. */
import { join } from "node:path";
import type { TestContext } from "node:test";
import { main } from "../../src/cli/main.ts";
import { captured } from "../../src/cli/captured-io.ts";
import { serve, temporaryDirectory } from "./running-server.ts";
import { UploadingPublisher } from "./uploading-publisher.ts";

/** The passphrase of the old server's signer, and its name. */
export const oldPassphrase = { NOTARY_SIGNER_OLD: "of the old signer" } as const;

/** A stopped server's data, and those who published to it. */
export interface Published {
  readonly dataDir: string;
  readonly publishers: ReadonlyMap<string, UploadingPublisher>;
}

/** Publishes each collection with a first upload and two more tags, on a server that is stopped afterwards. */
export async function published(t: TestContext, ...guns: readonly string[]): Promise<Published> {
  const byAlias = new Map([["old", oldPassphrase.NOTARY_SIGNER_OLD]]);
  const server = await serve(t, { signerPassphrases: { byAlias, defaultAlias: "old" }, upkeep: false });
  const publishers = new Map<string, UploadingPublisher>();
  for (const gun of guns) {
    const publisher = await new UploadingPublisher(server.url, gun).begin();
    for (const tag of ["v2", "v3"]) {
      const response = await publisher.addTag(tag);
      if (response.status !== 200) throw new Error(await response.text());
    }
    publishers.set(gun, publisher);
  }
  await server.close();
  return { dataDir: server.dataDir, publishers };
}

/** A command line that has ended. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command line in this process. */
export async function tagseal(argv: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> {
  const { io, stdout, stderr } = captured({ env, now: () => new Date() });
  const code = await main(argv, io);
  return { code, stdout: stdout(), stderr: stderr() };
}

/** A path that does not exist yet, below a directory that goes when the test ends. */
export function newPath(t: TestContext, name = "data"): string {
  return join(temporaryDirectory(t), name);
}
