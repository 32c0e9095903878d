/** Where a command gets passphrases: from the source that a flag or a variable names; without one, from the environment, else from a prompt. */
import { UsageError } from "../../errors.ts";
import type { PassphraseSource } from "../../keys/passphrase.ts";
import type { Io } from "../io.ts";
import type { OptionValues } from "../options/option.ts";
import {
  type newPassphraseOptions,
  passphraseCommandVariable,
  passphraseHelperVariable,
  type passphraseOptions,
} from "../options/passphrase-flags.ts";

/** A source by name, and who named it: the words before a value in messages. */
interface NamedSource {
  readonly kind: "fd" | "command" | "helper";
  readonly value: string;
  readonly givenAs: string;
}

/**
 * The passphrase source for one command line. A source that is named is the only one: if it fails, the command fails, because another
 * source would encrypt a new key under an unexpected passphrase. A source that cannot work is refused before anything is done.
 *
 * @param options the flags; none for a docker-shaped command, which has the variables only
 * @throws UsageError `USAGE` for two sources, a descriptor that is not a number, an empty name
 * @throws KeyStoreError `PASSPHRASE_UNAVAILABLE` for a descriptor that is not open, or a program that does not exist
 */
export async function passphraseSource(
  options: Partial<OptionValues<typeof passphraseOptions>>,
  io: Io,
): Promise<PassphraseSource> {
  const named = onlyOne(fromFlags(options)) ?? onlyOne(fromVariables(io));
  if (named?.kind === "command") return await fromNamedCommand(named, io);
  if (named?.kind === "fd") return await fromNamedDescriptor(named);
  const { fromPrompt } = await import("../../keys/passphrase-prompt.ts");
  const prompt = fromPrompt(io.prompter);
  if (named?.kind === "helper") return await fromNamedHelper(named, prompt, io);
  const { fromEnvironment } = await import("../../keys/passphrase-sources.ts");
  return fromEnvironment(io.env, prompt);
}

/**
 * {@link passphraseSource} for the passphrases that open keys, and another source for those that they get: the one that its own flags name,
 * or a prompt. Never a variable: the environment has the old ones.
 *
 * @throws as {@link passphraseSource}; UsageError `USAGE` when both read the same descriptor
 */
export async function changedPassphraseSource(
  options: OptionValues<typeof passphraseOptions> & OptionValues<typeof newPassphraseOptions>,
  io: Io,
): Promise<PassphraseSource> {
  const named = onlyOne(fromNewFlags(options));
  if (named?.kind === "fd" && named.value === options["passphrase-fd"]) {
    throw new UsageError("USAGE", `--passphrase-fd and ${named.givenAs} name the same descriptor`, {
      hint: "Redirect two, for example: tagseal trust key passphrase --all --passphrase-fd 3 --new-passphrase-fd 4 3< old.txt 4< new.txt",
    });
  }
  const old = await passphraseSource(options, io);
  const { oldAndNew } = await import("../../keys/passphrase-change.ts");
  if (named?.kind === "command") return oldAndNew(old, await fromNamedCommand(named, io));
  if (named !== undefined) return oldAndNew(old, await fromNamedDescriptor(named));
  const { fromPrompt } = await import("../../keys/passphrase-prompt.ts");
  return oldAndNew(old, fromPrompt(io.prompter));
}

async function fromNamedCommand(named: NamedSource, { env }: Io): Promise<PassphraseSource> {
  const { fromCommand, requireProgram } = await import("../../keys/passphrase-sources.ts");
  const words = commandWords(named);
  requireProgram(words[0], env);
  return fromCommand(words, env);
}

async function fromNamedDescriptor(named: NamedSource): Promise<PassphraseSource> {
  const { requireOpen } = await import("../../keys/passphrase-descriptor.ts");
  const { fromFileDescriptor } = await import("../../keys/passphrase-sources.ts");
  const number = descriptorNumber(named);
  requireOpen(number);
  return fromFileDescriptor(number);
}

async function fromNamedHelper(named: NamedSource, prompt: PassphraseSource, io: Io): Promise<PassphraseSource> {
  const { requireProgram } = await import("../../keys/passphrase-sources.ts");
  const { openKeychain } = await import("./passphrase-helper.ts");
  const { fromKeychain } = await import("../../keys/passphrase-keychain.ts");
  const name = helperName(named);
  requireProgram(`docker-credential-${name}`, io.env);
  return fromKeychain(openKeychain(name, io), prompt);
}

function fromFlags(options: Partial<OptionValues<typeof passphraseOptions>>): readonly NamedSource[] {
  return (["fd", "command", "helper"] as const).flatMap((kind) => {
    const value = options[`passphrase-${kind}`];
    return value === undefined ? [] : [{ kind, value, givenAs: `--passphrase-${kind}` }];
  });
}

function fromNewFlags(options: OptionValues<typeof newPassphraseOptions>): readonly NamedSource[] {
  return (["fd", "command"] as const).flatMap((kind) => {
    const value = options[`new-passphrase-${kind}`];
    return value === undefined ? [] : [{ kind, value, givenAs: `--new-passphrase-${kind}` }];
  });
}

/** A variable that is set and empty is a mistake in a script, and no reason to take another source. */
function fromVariables({ env }: Io): readonly NamedSource[] {
  const variables = [
    ["command", passphraseCommandVariable],
    ["helper", passphraseHelperVariable],
  ] as const;
  return variables.flatMap(([kind, givenAs]) => {
    const value = env[givenAs];
    return value === undefined ? [] : [{ kind, value, givenAs }];
  });
}

function onlyOne([first, second]: readonly NamedSource[]): NamedSource | undefined {
  if (first === undefined || second === undefined) return first;
  throw new UsageError("USAGE", `${first.givenAs} and ${second.givenAs} cannot be combined`, {
    hint: "Give only the one that supplies the passphrases.",
  });
}

function commandWords({ value, givenAs }: NamedSource): [string, ...string[]] {
  const [program, ...parameters] = value.split(" ").filter((word) => word !== "");
  if (program !== undefined) return [program, ...parameters];
  throw new UsageError("USAGE", `${givenAs}: expected a program, got nothing`, {
    hint: "Name the program that prints the passphrase, or leave this out to be asked for it.",
  });
}

function descriptorNumber({ value, givenAs }: NamedSource): number {
  if (/^\d{1,4}$/.test(value)) return Number(value);
  throw new UsageError("USAGE", `${givenAs}: expected the number of an open file descriptor, got "${value}"`, {
    hint: "Give the number that you redirect, for example: tagseal sign --passphrase-fd 3 … 3< passphrase.txt",
  });
}

function helperName({ value, givenAs }: NamedSource): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(value)) return value;
  throw new UsageError("USAGE", `${givenAs}: expected the name of a credential helper, got "${value}"`, {
    hint: "Give the part behind docker-credential-, such as secretservice, osxkeychain, wincred or pass.",
  });
}
