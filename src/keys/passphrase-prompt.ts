import { KeyStoreError } from "../errors.ts";
import { backupRole, maxAttempts, minPassphraseBytes, shortKeyId } from "./passphrase.ts";
import type { PassphraseRequest, PassphraseSource } from "./passphrase.ts";

/** The terminal for prompts; the program supplies the real one. */
export interface PassphraseTerminal {
  /** true when a user can be asked several times; false when answers are piped in */
  readonly interactive: boolean;
  /**
   * Shows `prompt` and reads one line. Echo is switched off before the prompt appears.
   *
   * @returns the line without its end; undefined when there are no more answers
   * @throws TagsealError `CANCELLED` on Ctrl-C
   */
  askSecret(prompt: string): Promise<string | undefined>;
  /** Shows text, newlines included, where prompts appear. */
  tell(text: string): void;
}

const rootWarning = `You are about to create a new root signing key passphrase. This passphrase
will be used to protect the most sensitive key in your signing system. Please
choose a long, complex passphrase and be careful to keep the password and the
key file itself secure and backed up. It is highly recommended that you use a
password manager to generate the passphrase and keep it safe. There will be no
way to recover this key. You can find the key in your config directory.
`;

/**
 * Asks the user, in docker's exact words: an explanation before the first root key, new passphrases twice and of at
 * least eight bytes, up to three tries.
 *
 * @see Notary v1: passphrases
 */
export function fromPrompt(terminal: PassphraseTerminal): PassphraseSource {
  return {
    interactive: terminal.interactive,
    async passphraseFor(request) {
      if (request.purpose === "new") return askForNew(terminal, request);
      if (request.purpose === "pin")
        return ask(terminal, `Enter PIN of ${request.token ?? "the token"} for ${nameOf(request)}: `);
      if (request.previousFailure === "wrong") terminal.tell("Passphrase incorrect. Please retry.\n");
      return ask(terminal, `Enter passphrase for ${nameOf(request)}: `);
    },
  };
}

async function askForNew(terminal: PassphraseTerminal, request: PassphraseRequest): Promise<string> {
  const name = `new ${nameOf(request)}`;
  if (request.role === "root") terminal.tell(rootWarning);
  let code: "PASSPHRASE_TOO_SHORT" | "PASSPHRASE_WRONG" = "PASSPHRASE_WRONG";
  for (let count = 1; count <= maxAttempts; count++) {
    const passphrase = await ask(terminal, `Enter passphrase for ${name}: `);
    if (Buffer.byteLength(passphrase) < minPassphraseBytes) {
      code = "PASSPHRASE_TOO_SHORT";
      terminal.tell(
        "Passphrase is too short. Please use a password manager to generate and store a good random passphrase.\n",
      );
      continue;
    }
    if ((await ask(terminal, `Repeat passphrase for ${name}: `)) === passphrase) return passphrase;
    code = "PASSPHRASE_WRONG";
    terminal.tell("Passphrases do not match. Please retry.\n");
  }
  throw new KeyStoreError(code, `No usable passphrase for ${name} in ${maxAttempts} tries`, {
    hint: `A passphrase has at least ${minPassphraseBytes} bytes and is typed twice.`,
  });
}

async function ask(terminal: PassphraseTerminal, prompt: string): Promise<string> {
  const line = await terminal.askSecret(prompt);
  if (line !== undefined) return line.trim();
  throw new KeyStoreError(
    "PASSPHRASE_UNAVAILABLE",
    "Please either use environment variables or STDIN with a terminal to provide key passphrases",
  );
}

/** Docker calls the keys of a collection repository keys. */
function nameOf({ role, keyId }: PassphraseRequest): string {
  if (role === backupRole) return role;
  const shown = role === "targets" || role === "snapshot" ? "repository" : role;
  return keyId === "" ? `${shown} key` : `${shown} key with ID ${shortKeyId(keyId)}`;
}
