/** Where a command takes passphrases from: a descriptor or program if told so, else the environment, else the person. */
import { UsageError } from "../../errors.ts";
import type { PassphraseSource } from "../../keys/passphrase.ts";
import type { Io } from "../io.ts";
import type { OptionValues, TextOption } from "./option.ts";

/** Flags of every command that unlocks or makes keys. There is none that takes the passphrase itself: argv is public. */
export const passphraseOptions = {
  "passphrase-fd": {
    kind: "text",
    value: "number",
    help: "Read the passphrase for all keys from this open file descriptor",
  },
  "passphrase-command": {
    kind: "text",
    value: "command",
    help: "Run this program (split at spaces, no shell) and take the first line it prints; TAGSEAL_KEY_ROLE, TAGSEAL_KEY_ID and TAGSEAL_KEY_PURPOSE tell it which",
  },
} as const satisfies Record<string, TextOption>;

/** Variables these commands read, for help. */
export const passphraseEnvironment: readonly (readonly [string, string])[] = [
  ["DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE", "passphrase of root keys; without it and at a terminal you are asked"],
  ["DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE", "passphrase of all other keys"],
];

/**
 * The source for one command line.
 *
 * @throws UsageError `USAGE` for a descriptor that is no number, or an empty command
 */
export async function passphraseSource(
  options: OptionValues<typeof passphraseOptions>,
  io: Io,
): Promise<PassphraseSource> {
  const { chained, fromCommand, fromEnvironment, fromFileDescriptor } =
    await import("../../keys/passphrase-sources.ts");
  const { fromPrompt } = await import("../../keys/passphrase-prompt.ts");
  const sources = [fromEnvironment(io.env, fromPrompt(io.prompter))];
  const command = options["passphrase-command"];
  if (command !== undefined) sources.unshift(fromCommand(commandWords(command), io.env));
  const descriptor = options["passphrase-fd"];
  if (descriptor !== undefined) sources.unshift(fromFileDescriptor(descriptorNumber(descriptor)));
  return chained(...sources);
}

function commandWords(command: string): [string, ...string[]] {
  const [program, ...parameters] = command.split(" ").filter((word) => word !== "");
  if (program !== undefined) return [program, ...parameters];
  throw new UsageError("USAGE", "--passphrase-command: expected a program, got nothing");
}

function descriptorNumber(text: string): number {
  if (/^\d{1,4}$/.test(text)) return Number(text);
  throw new UsageError("USAGE", `--passphrase-fd: expected the number of an open file descriptor, got "${text}"`, {
    hint: "for example: tagseal sign --passphrase-fd 3 … 3< passphrase.txt",
  });
}
