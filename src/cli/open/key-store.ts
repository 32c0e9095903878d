import { join } from "node:path";
import type { PemKeyStore } from "../../keys/key-store.ts";
import type { PassphraseSource } from "../../keys/passphrase.ts";
import type { Io } from "../io.ts";
import { printable } from "../output/printable.ts";
import { dockerConfigDir } from "./directories.ts";

/** The private keys beside docker's configuration: the store that docker and notary use too. */
export async function openKeyStore(io: Io, passphrases: PassphraseSource): Promise<PemKeyStore> {
  const { FileKeyStore } = await import("../../keys/file-key-store.ts");
  return new FileKeyStore({
    directory: join(dockerConfigDir(io), "trust", "private"),
    passphrases,
    onWarning: (warning: string) => io.stderr.write(`warning: ${printable(warning)}\n`),
  });
}
