import assert from "node:assert/strict";
import { mkdtempDisposableSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { it } from "node:test";
import { scriptedPassphrases } from "../../test/support/scripted-passphrases.ts";
import { withLocalHandOver } from "./local-hand-over.ts";

it("opens a server's data where the server would: in a directory, or in files named as its databases", async () => {
  using temporary = mkdtempDisposableSync(join(tmpdir(), "tagseal-hand-over-"));
  const file = (name: string): string => join(temporary.path, name);
  for (const place of [{}, { database: file("metadata-2.db"), signerDatabase: file("keys-2.db") }]) {
    const options = {
      data: { dataDir: temporary.path, signerPassphrase: "a passphrase for tests", ...place },
      dockerConfigDir: file("docker"),
      env: {},
      passphrases: scriptedPassphrases(),
      notify: () => undefined,
      now: () => new Date(),
      signal: new AbortController().signal,
    };
    await assert.rejects(
      withLocalHandOver(options, async (handOverOf) => await handOverOf("registry.example.com/team/app")),
      { code: "REPOSITORY_NOT_SIGNED" },
    );
  }
});
