import { UsageError } from "../../errors.ts";
import { imageArgument } from "./image.ts";
import { checkKeyName } from "./key-name.ts";
import type { TextOption } from "./option.ts";

/** `--role` and `--gun`: the purpose of a key. */
export function keyUseOptions(help: string): { readonly role: TextOption; readonly gun: TextOption } {
  return {
    role: { kind: "text", value: "name", complete: ["root", "targets"], help: `Purpose of the key: ${help}` },
    gun: { kind: "text", value: "repository", help: "The repository of a targets key" },
  };
}

/** The purpose of a key, as a key store wants it. */
export interface TypedKeyUse {
  readonly role: string;
  readonly gun?: string;
}

/**
 * The purpose of a key, from `--role` and `--gun`: `root`, `targets` of one repository, or the name of a signer.
 *
 * @throws UsageError `USAGE`, `SIGNER_NAME_INVALID`, `REFERENCE_INVALID`
 */
export function keyUse(role: string | undefined, gun: string | undefined): TypedKeyUse {
  if (role === undefined) {
    throw new UsageError("USAGE", "the purpose of the key is missing", {
      hint: "Name it: --role root, --role targets, or --role and the name of a signer.",
    });
  }
  if (role === "targets") {
    if (gun !== undefined) return { role, gun: imageArgument(gun).gun };
    throw new UsageError("USAGE", "a targets key belongs to one repository, and none is named", {
      hint: "Name it, for example --gun registry.example.com/team/app.",
    });
  }
  if (gun !== undefined) {
    throw new UsageError("USAGE", `--gun is for --role targets, not for ${role}`, {
      hint: "For the key of that repository, add --role targets; for any other key, drop --gun.",
    });
  }
  if (["snapshot", "timestamp", "releases"].includes(role)) {
    throw new UsageError("USAGE", `--role: keys for ${role} are not made or linked here`, {
      hint: "Name root, targets, or a signer.",
    });
  }
  checkKeyName(role);
  return { role };
}
