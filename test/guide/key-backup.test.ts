/** What docs/keys.md says about backups of keys, line by line, as a person types it. */
import assert from "node:assert/strict";
import { readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { findShare } from "../../src/keys/backup/share-text.ts";
import { documentedLines } from "../support/documented-lines.ts";
import { type PromptAnswer, Scope, missingPeers, passphraseEnvironment } from "../support/peers.ts";
import { openShell } from "../support/shell.ts";

const passphrase = "correct horse battery";

describe("the guide to backups of keys", { skip: missingPeers(["age", "notary", "python"]) }, () => {
  const scope = new Scope("key-backup-guide");
  after(() => scope.close());
  const shell = openShell(scope, [], passphraseEnvironment);
  const at = (name: string): string => join(shell.directory, name);
  const trustDirectory = at(".docker/trust");
  const keys = (): string[] => readdirSync(join(trustDirectory, "private")).toSorted();
  const asked = (when: string): PromptAnswer => ({ when: `${when}: ?$`, send: `${passphrase}\r` });
  let made: string[];

  /** The share on a printed page, as a person reads it. */
  function printed(number: number): string {
    const page = readFileSync(at(`pages/share-${number}-of-5.svg`), "utf8").replaceAll(/<[^>]*>/gu, "\n");
    return findShare(page) ?? assert.fail(page);
  }

  const typed = (...numbers: readonly number[]): PromptAnswer[] =>
    numbers.map((number, index) => ({ when: `Share ${index + 1}, all lines .*: $`, send: `${printed(number)}\r` }));

  before(async () => {
    await shell.run("for name in alice bob; do tagseal trust key generate $name; done");
    made = keys();
  });

  it("makes one under a passphrase, and one for an identity", async () => {
    const twice = ["Enter passphrase for new key backup", "Repeat passphrase for new key backup"].map(asked);
    const first = await shell.converse(documentedLines("docs/keys.md", "Back up your keys"), twice);
    assert.match(first.screen, /keys\.age: 2 keys\. It was opened again/u);
    const second = await shell.run(documentedLines("docs/keys.md", "Back up your keys", 2));
    assert.match(second.stdout, /team\.age: 2 keys\. It was opened again/u);
  });

  it("splits one among several people, and tests it", async () => {
    await shell.run(documentedLines("docs/keys.md", "Split a backup among several people"));
    assert.equal(readdirSync(at("pages")).length, 5);
    const testing = documentedLines("docs/keys.md", "Split a backup among several people", 2);
    const { screen } = await shell.converse(testing, typed(3, 1, 4));
    assert.match(screen, /Share 4 of 5, set .*That is enough\.\n[\s\S]*0 keys would be added/u);
    assert.ok(!screen.includes(printed(3).slice(20, 40)));
  });

  it("restores each kind on a machine without keys", async () => {
    for (const [index, line] of documentedLines("docs/keys.md", "Restore keys from a backup")
      .trim()
      .split("\n")
      .entries()) {
      rmSync(trustDirectory, { recursive: true });
      const answers = [[asked("Enter passphrase for key backup")], [], typed(2, 5, 1)][index] ?? assert.fail(line);
      const { screen } = await shell.converse(line, answers);
      assert.match(screen, /Added 2 keys\./u);
      assert.deepEqual(keys(), made);
    }
  });

  it("opens each without Tagseal", async () => {
    const opening = documentedLines("docs/keys.md", "Open a backup without Tagseal");
    rmSync(trustDirectory, { recursive: true });
    await shell.converse(opening, [asked("Enter passphrase")]);
    assert.deepEqual(keys(), made);
    rmSync(at("keys.pem"));
    for (const number of [1, 2, 4]) writeFileSync(at(`share-${number}-of-5.txt`), printed(number));
    await shell.run(documentedLines("docs/keys.md", "Open a backup without Tagseal", 2));
    assert.match(readFileSync(at("keys.pem"), "utf8"), /^Passphrase of these keys: \S+$/mu);
  });
});
