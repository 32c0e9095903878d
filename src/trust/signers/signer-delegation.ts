import type { PublicKey } from "../../crypto/public-key.ts";
import { UsageError } from "../../errors.ts";
import type { CollectionEditor } from "../../tuf/editor.ts";
import { isDelegation } from "../../tuf/role-name.ts";
import { releasesRole } from "../reading/released-tags.ts";

/** The delegation of a signer: `targets/alice`. */
export function signerRole(name: string): `targets/${string}` {
  return `targets/${name}`;
}

/**
 * Checks a signer name: lower-case letter or digit first, then also `-` and `_`; `releases` is reserved.
 *
 * @throws UsageError `SIGNER_NAME_INVALID`, in docker's words
 * @see Notary v1: signer add
 */
export function checkSignerName(name: string): void {
  if (name === "releases") {
    throw new UsageError("SIGNER_NAME_INVALID", "releases is a reserved keyword, use a different signer name");
  }
  if (/^[a-z0-9][a-z0-9_-]*$/.test(name) && isDelegation(signerRole(name))) return;
  throw new UsageError(
    "SIGNER_NAME_INVALID",
    `signer name "${name}" must start with lowercase alphanumeric characters and can include "-" or "_" after the first character`,
  );
}

/**
 * Lets the keys sign as `name` and release what they sign: any tag, with one signature.
 *
 * @see Notary v1: the docker convention
 */
export function addSignerTo(editor: CollectionEditor, name: string, keys: readonly PublicKey[]): void {
  for (const role of [signerRole(name), releasesRole]) {
    editor.addDelegation(role, { addKeys: keys, addPaths: [""] });
  }
}
