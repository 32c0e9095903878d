/** The two places where trust data is: a trust server, over HTTP; and a server's storage and keys, opened by the operator's own process. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { after, before } from "node:test";
import { ServerDataRepository } from "../../src/transfer/server-data-repository.ts";
import { type DirectAccess, openDirectAccess } from "../../src/server/run/direct-access.ts";
import { trustRepositoryContract } from "../contract/trust-repository.ts";
import { trustStory } from "./trust-story.ts";

const story = trustStory();
const dataDir = mkdtempSync(join(tmpdir(), "repositories-"));
let access: DirectAccess;
before(async () => (access = await openDirectAccess({ dataDir })));
after(async () => {
  await access.close();
  rmSync(dataDir, { recursive: true });
});

trustRepositoryContract("a trust server", async (gun) => {
  const context = await (await story.person()).open(gun.slice("localhost:5000/".length), { access: "admin" });
  return { repository: context.repository };
});

trustRepositoryContract("a server's data", async (gun) => ({
  repository: new ServerDataRepository({ access, gun, url: pathToFileURL(dataDir).href }),
}));
