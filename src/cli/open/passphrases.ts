/** Where a command gets passphrases: from the given descriptor or program; without either, from the environment, else from a prompt. */
import { UsageError } from "../../errors.ts";
import type { PassphraseSource } from "../../keys/passphrase.ts";
import type { Io } from "../io.ts";
import type { OptionValues } from "../options/option.ts";
import type { passphraseOptions } from "../options/passphrase-flags.ts";

/**
 * The passphrase source for one command line. A source given by flag is the only one: if it fails, the command fails, because another
 * source would encrypt a new key under an unexpected passphrase. A source that cannot work is refused before anything is done.
 *
 * @throws UsageError `USAGE` for a descriptor that is not a number, an empty command, or both flags
 * @throws KeyStoreError `PASSPHRASE_UNAVAILABLE` for a descriptor that is not open, or a program that does not exist
 */
export async function passphraseSource(
  options: OptionValues<typeof passphraseOptions>,
  io: Io,
): Promise<PassphraseSource> {
  const { "passphrase-command": command, "passphrase-fd": descriptor } = options;
  if (command !== undefined && descriptor !== undefined) {
    throw new UsageError("USAGE", "--passphrase-fd and --passphrase-command cannot be combined", {
      hint: "Give only the one that supplies the passphrases.",
    });
  }
  const sources = await import("../../keys/passphrase-sources.ts");
  if (command !== undefined) {
    const words = commandWords(command);
    sources.requireProgram(words[0], io.env);
    return sources.fromCommand(words, io.env);
  }
  if (descriptor !== undefined) {
    const { requireOpen } = await import("../../keys/passphrase-descriptor.ts");
    const number = descriptorNumber(descriptor);
    requireOpen(number);
    return sources.fromFileDescriptor(number);
  }
  const { fromPrompt } = await import("../../keys/passphrase-prompt.ts");
  return sources.fromEnvironment(io.env, fromPrompt(io.prompter));
}

function commandWords(command: string): [string, ...string[]] {
  const [program, ...parameters] = command.split(" ").filter((word) => word !== "");
  if (program !== undefined) return [program, ...parameters];
  throw new UsageError("USAGE", "--passphrase-command: expected a program, got nothing");
}

function descriptorNumber(text: string): number {
  if (/^\d{1,4}$/.test(text)) return Number(text);
  throw new UsageError("USAGE", `--passphrase-fd: expected the number of an open file descriptor, got "${text}"`, {
    hint: "Give the number that you redirect, for example: tagseal sign --passphrase-fd 3 … 3< passphrase.txt",
  });
}
