/** Options of commands that replace keys. */
import type { ListOption, SwitchOption } from "./option.ts";

/** `--force`. */
export const forceRotationOption: SwitchOption = {
  kind: "switch",
  short: "f",
  help: "Replace a signer's key even if its tags are lost until the signer signs again",
};

/** `--remove-old`. */
export const removeOldOption: SwitchOption = {
  kind: "switch",
  help: "Remove the old private key from this machine when nothing needs it any more",
};

/** `--key`: the keys to use. */
export function newKeysOption(help: string): ListOption {
  return { kind: "list", short: "k", value: "file or ID", complete: "key or file", help };
}
