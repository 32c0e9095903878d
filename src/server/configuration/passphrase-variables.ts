import type { Environment } from "../../environment/environment.ts";
import { TagsealError } from "../../errors.ts";
import { findPassphrase, type GivenPassphrases, passphraseVariable } from "../signer/given-passphrases.ts";
import { signerSettings } from "./signer-settings.ts";
import { variableFor } from "./settings.ts";
import { isServiceLink } from "./unknown-variables.ts";

const notary = "NOTARY_SIGNER_";
/** Variables with this prefix that are settings, not passphrases. */
const settings: ReadonlySet<string> = new Set([
  "DEFAULT_ALIAS",
  ...Object.keys(signerSettings).map((name) => variableFor(name)),
]);

/**
 * The passphrases that seal a signer's keys: `TAGSEAL_SIGNER_PASSPHRASE`, and Notary's `NOTARY_SIGNER_<ALIAS>`, one for each alias.
 *
 * @param defaultAlias the alias for new keys; `NOTARY_SIGNER_DEFAULT_ALIAS` when absent
 * @returns undefined when none are given: the signer then uses its own file
 * @throws TagsealError `SERVER_CONFIGURATION` when two variables give one alias different passphrases
 */
export function signerPassphrases(env: Environment, defaultAlias: string | undefined): GivenPassphrases | undefined {
  const byAlias = new Map<string, string>();
  for (const [name, value] of Object.entries(env)) {
    if (value === undefined || value === "" || !name.startsWith(notary)) continue;
    const alias = name.slice(notary.length);
    if (alias !== "" && !settings.has(alias) && !isServiceLink(alias, value)) byAlias.set(alias.toLowerCase(), value);
  }
  const named = nonEmpty(defaultAlias) ?? nonEmpty(env["NOTARY_SIGNER_DEFAULT_ALIAS"]);
  const ours = nonEmpty(env["TAGSEAL_SIGNER_PASSPHRASE"]);
  // Without an alias it is the passphrase of new keys.
  const alias = named?.toLowerCase() ?? (ours === undefined ? undefined : "default");
  if (ours !== undefined && alias !== undefined) {
    // Of two passphrases for one name either may be the wrong one.
    if ((findPassphrase(byAlias, alias) ?? ours) !== ours) throw contradiction(alias);
    byAlias.set(alias, ours);
  }
  return byAlias.size === 0 && alias === undefined ? undefined : { byAlias, defaultAlias: alias };
}

function contradiction(alias: string): TagsealError {
  const reason = `TAGSEAL_SIGNER_PASSPHRASE and ${passphraseVariable(alias)} give one passphrase, and differ`;
  return new TagsealError("SERVER_CONFIGURATION", `Cannot use the configuration: ${reason}`, {
    hint: "Unset one of them, or set NOTARY_SIGNER_DEFAULT_ALIAS to another name for the first.",
  });
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === "" ? undefined : text;
}
