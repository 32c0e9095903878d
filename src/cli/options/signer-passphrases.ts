/** The passphrases of a server's signer, by alias, from the variables of Notary's signer and of ours. */
import type { SignerPassphrases } from "../../server/signer/signer-passphrases.ts";
import type { Io } from "../io.ts";

const aliasVariable = /^(?:NOTARY_SIGNER_|TAGSEAL_SIGNER_PASSPHRASE_)(.+)$/u;

/** Everything that may be a passphrase; aliases are compared without regard to case. */
export function signerPassphrases(io: Io): SignerPassphrases {
  const byAlias = new Map<string, string>();
  for (const [name, value] of Object.entries(io.env)) {
    const alias = name === "TAGSEAL_SIGNER_PASSPHRASE" ? "default" : aliasVariable.exec(name)?.[1];
    if (alias !== undefined && value !== undefined && value !== "") byAlias.set(alias, value);
  }
  return { byAlias, defaultAlias: "default" };
}
