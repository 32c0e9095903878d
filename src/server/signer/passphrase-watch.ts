/** Watches the file of a signer's passphrase: while the keys are open, its loss would show only at the next start. */

import { existsSync } from "node:fs";
import { TagsealError } from "../../errors.ts";
import { WatchedFiles, type WatchParts } from "../../service/watching/watched-files.ts";
import { passphraseFileOf, type PassphraseSource } from "./signer-passphrases.ts";

/**
 * Watches the file, where a passphrase was read from it or written to it. To be called once the keys have been opened.
 *
 * @throws TagsealError `SERVER_CONFIGURATION` when it cannot be read
 */
export async function watchPassphraseFile(source: PassphraseSource, watching: WatchParts): Promise<void> {
  const file = passphraseFileOf(source);
  if (file === undefined || !existsSync(file)) return;
  let inUse: string | undefined;
  await WatchedFiles.open(
    {
      part: "signer passphrase",
      files: [file],
      parse: (contentOf) => {
        const found = contentOf(file).toString("utf8").trimEnd();
        inUse ??= found;
        if (found === inUse) return;
        throw new TagsealError("SERVER_CONFIGURATION", "it holds another passphrase than the one in use");
      },
    },
    watching,
  );
}
