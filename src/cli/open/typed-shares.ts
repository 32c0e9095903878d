/** Shares of a backup's key: from files, and from people who type them one after another without echo. */
import { KeyStoreError, hasCode } from "../../errors.ts";
import type { TagsealError } from "../../errors.ts";
import { ShareCollection, addAll } from "../../keys/backup/key-shares.ts";
import { type KeyShare, findShare, shareTextLength, shownSet } from "../../keys/backup/share-text.ts";
import { maxAttempts } from "../../keys/passphrase.ts";
import type { Io } from "../io.ts";
import { reportFailure } from "../output/error-report.ts";
import { readGivenFile } from "./backup-file.ts";

const maxPageBytes = 256 * 1024;

/**
 * Collects shares until they give the identity.
 *
 * @returns the identity, and the set as the pages show it
 * @throws KeyStoreError `SHARE_INVALID`, `SHARES_TOO_FEW`; UsageError `FILE_UNREADABLE`; TagsealError `CANCELLED`
 */
export async function collectIdentity(
  { share: files, shares: asks }: { readonly share: readonly string[]; readonly shares: boolean },
  io: Io,
): Promise<{ readonly identity: string; readonly set: string }> {
  const collection = new ShareCollection();
  const given: { text: string; source: string }[] = [];
  for (const path of files)
    given.push({ text: (await readGivenFile(path, maxPageBytes)).toString("utf8"), source: path });
  const warn = (problem: TagsealError): void => io.stderr.write(`warning: ${problem.message}; it is left out\n`);
  addAll(collection, given, warn);
  if (asks) await askForRest(collection, io);
  const identity = await collection.identity((source) => {
    io.stderr.write(`warning: ${source} was changed, checksum included; it is left out\n`);
  });
  return { identity, set: shownSet(collection.set?.set ?? "") };
}

async function askForRest(collection: ShareCollection, io: Io): Promise<void> {
  while (collection.count < (collection.set?.needed ?? 2)) {
    const share = await askForOne(collection, io);
    const missing = share.needed - collection.count;
    const rest = missing === 0 ? "That is enough." : `${missing} more.`;
    io.prompter.tell(`Share ${share.number} of ${share.made}, set ${shownSet(share.set)}, is right. ${rest}\n`);
  }
}

async function askForOne(collection: ShareCollection, io: Io): Promise<KeyShare> {
  const name = `the share typed as number ${collection.count + 1}`;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return collection.add(await typedShare(collection.count + 1, io), name);
    } catch (error) {
      if (!hasCode(error, "SHARE_INVALID") || attempt === maxAttempts || !io.prompter.interactive) throw error;
      reportFailure(error, io);
    }
  }
}

/** A person may type line by line as the page has it, or paste all lines: it is read until it is long enough, or a line is empty. */
async function typedShare(ordinal: number, io: Io): Promise<string> {
  let text = "";
  for (;;) {
    const prompt = text === "" ? `Share ${ordinal}, all lines from TAGSEALSHARE1 on: ` : "Next line: ";
    const line = await io.prompter.askSecret(prompt);
    if (line === undefined && text === "") throw noMoreShares();
    text += `${line ?? ""}\n`;
    const length = findShare(text)?.length;
    if (line === undefined || line.trim() === "" || length === undefined || length >= shareTextLength) return text;
  }
}

function noMoreShares(): KeyStoreError {
  return new KeyStoreError("SHARES_TOO_FEW", "The shares end before there are enough of them", {
    hint: "Run the command at a terminal and type the shares, or name files with --share FILE.",
  });
}
