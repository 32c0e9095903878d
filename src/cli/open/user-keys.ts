import type { PemKeyStore } from "../../keys/key-store.ts";
import type { PassphraseSource } from "../../keys/passphrase.ts";
import type { Io } from "../io.ts";
import { printable } from "../output/printable.ts";
import { trustDirectoryOf } from "./directories.ts";

/** The private keys of this user, for commands about keys alone. */
export async function openKeyStore(io: Io, passphrases: PassphraseSource): Promise<PemKeyStore> {
  const { openUserKeyStore } = await import("../../keys/user-key-store.ts");
  return openUserKeyStore({
    trustDirectory: trustDirectoryOf(io),
    passphrases,
    onWarning: (warning) => io.stderr.write(`warning: ${printable(warning)}\n`),
  });
}
