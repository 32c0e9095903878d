import type { SignerPassphrases } from "../signer/signer-passphrases.ts";
import { signerSettings } from "./signer-settings.ts";
import { variableFor } from "./settings.ts";

const notary = "NOTARY_SIGNER_";
/** Variables of that beginning that are settings and no passphrases. */
const settings: ReadonlySet<string> = new Set([
  "DEFAULT_ALIAS",
  ...Object.keys(signerSettings).map((name) => variableFor(name)),
]);

/**
 * The passphrases that seal a signer's keys: `TAGSEAL_SIGNER_PASSPHRASE`, and Notary's `NOTARY_SIGNER_<ALIAS>`, one for each alias.
 *
 * @param defaultAlias what new keys are sealed under; `NOTARY_SIGNER_DEFAULT_ALIAS`, then `default`, when absent
 * @returns undefined when there are none: then the signer has a file of its own
 */
export function signerPassphrases(
  env: Readonly<Record<string, string | undefined>>,
  defaultAlias: string | undefined,
): SignerPassphrases | undefined {
  const byAlias = new Map<string, string>();
  for (const [name, value] of Object.entries(env)) {
    if (value === undefined || value === "" || !name.startsWith(notary)) continue;
    const alias = name.slice(notary.length);
    if (!settings.has(alias)) byAlias.set(alias.toLowerCase(), value);
  }
  const alias = (defaultAlias ?? nonEmpty(env["NOTARY_SIGNER_DEFAULT_ALIAS"]) ?? "default").toLowerCase();
  const ours = nonEmpty(env["TAGSEAL_SIGNER_PASSPHRASE"]);
  if (ours !== undefined) byAlias.set(alias, ours);
  return byAlias.size === 0 ? undefined : { byAlias, defaultAlias: alias };
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === "" ? undefined : text;
}
