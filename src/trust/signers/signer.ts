import type { PublicKey } from "../../crypto/public-key.ts";
import { UsageError } from "../../errors.ts";
import { HeldKeys } from "../publishing/held-keys.ts";
import { publishChange } from "../publishing/publish.ts";
import { noSignerLeft } from "../publishing/signable-roles.ts";
import { SignerAddition } from "./signer-addition.ts";
import { checkSignerName } from "./signer-delegation.ts";
import { SignerRemoval } from "./signer-removal.ts";
import type { TrustContext } from "../trust-context.ts";

export { checkSignerName } from "./signer-delegation.ts";

/** The result of {@link addSigner}. */
export interface AddSignerResult {
  /** the repository had no trust data and was initialised */
  readonly initialised: boolean;
}

/** How {@link removeSigner} asks for confirmation before released tags become unpullable. */
export interface RemoveSignerOptions {
  /** called only when this signer alone keeps the released tags valid; false changes nothing. `--force` answers true */
  readonly confirmLastSigner: () => Promise<boolean>;
}

/**
 * Lets `name` sign tags: delegations `targets/<name>` and `targets/releases` get the keys. Initialises the repository if it has no trust data.
 * A signer that was removed before does not get its old tags back: its role starts empty if its key is here, else there is a warning.
 *
 * @throws UsageError `SIGNER_NAME_INVALID`; `USAGE` without keys
 * @throws MetadataError `SIGNING_KEY_MISSING` without the repository key
 */
export async function addSigner(
  context: TrustContext,
  name: string,
  keys: readonly PublicKey[],
): Promise<AddSignerResult> {
  checkSignerName(name);
  if (keys.length === 0) throw new UsageError("USAGE", `signer ${name} needs at least one public key`);
  const held = new HeldKeys(context);
  const change = new SignerAddition(context, held, { name, keys });
  const { initialised } = await publishChange(context, held, change, { initialise: true });
  context.notify({ kind: "signer-added", gun: context.gun, signer: name });
  return { initialised: initialised !== undefined };
}

/**
 * Removes the signer's keys from `targets/releases` and deletes `targets/<name>`, as docker's documentation says (docker itself, since
 * version 26, mostly removes nothing).
 *
 * @returns false when the question about the last signer was answered no
 * @throws UsageError `SIGNER_NAME_INVALID` for `releases`
 * @throws MetadataError `SIGNER_UNKNOWN`, `REPOSITORY_NOT_SIGNED`, `SIGNING_KEY_MISSING`
 */
export async function removeSigner(
  context: TrustContext,
  name: string,
  options: RemoveSignerOptions,
): Promise<boolean> {
  const held = new HeldKeys(context);
  const change = new SignerRemoval(context, name, options.confirmLastSigner);
  await publishChange(context, held, change, { initialise: false });
  if (change.leavesNoSigner) {
    context.notify({ kind: "warning", gun: context.gun, message: noSignerLeft(context.gun) });
  }
  return !change.declined;
}
