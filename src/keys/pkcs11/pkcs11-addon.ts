import { isAbsolute, join } from "node:path";
import { pathToFileURL } from "node:url";
import type * as Addon from "pkcs11js";
import type { Environment } from "../../environment/environment.ts";
import { KeyStoreError } from "../../errors.ts";
import { refuseWorldWritable } from "../../files/private-modes.ts";
import { statIfThere } from "../../files/stat-if-there.ts";

/** The package `pkcs11js`, which calls PKCS#11 modules. */
export type Pkcs11Addon = typeof Addon;

/** Where the package is, when it is not beside Tagseal. */
export const addonVariable = "TAGSEAL_PKCS11JS";

/**
 * Loads `pkcs11js`: from the directory that the environment names, else from beside Tagseal. It is compiled for a machine when it is installed,
 * so Tagseal does not bring it.
 *
 * @throws KeyStoreError `KEY_SERVICE_UNAVAILABLE` when it is not installed or does not load, `KEY_FILE_UNSAFE` when all users may change it
 */
export async function loadAddon(env: Environment): Promise<Pkcs11Addon> {
  const directory = env[addonVariable] ?? "";
  if (directory !== "") return await loadFrom(directory);
  // The self-contained executable has no place beside it, and would search the current directory, which must not influence it.
  if (Object.hasOwn(globalThis, "Bun")) throw missing("the self-contained executable does not hold it", undefined);
  try {
    const name = "pkcs11js";
    return addonOf(await import(name));
  } catch (cause) {
    throw missing(isAbsent(cause) ? "it is not installed" : reasonOf(cause), cause);
  }
}

async function loadFrom(directory: string): Promise<Pkcs11Addon> {
  if (!isAbsolute(directory)) throw missing(`${addonVariable} is not an absolute path`, undefined);
  const stats = statIfThere(directory);
  if (stats === undefined) throw missing(`there is no ${directory}, which ${addonVariable} names`, undefined);
  refuseWorldWritable(directory, stats);
  try {
    return addonOf(await import(pathToFileURL(join(directory, "index.js")).href));
  } catch (cause) {
    throw missing(`it does not load from ${directory}: ${reasonOf(cause)}`, cause);
  }
}

function addonOf(module: { readonly default: Pkcs11Addon }): Pkcs11Addon {
  return module.default;
}

function isAbsent(cause: unknown): boolean {
  return cause instanceof Error && /'pkcs11js'|"pkcs11js"/u.test(cause.message);
}

function reasonOf(cause: unknown): string {
  const [first = ""] = cause instanceof Error ? cause.message.split("\n") : [];
  return /pkcs11\.node/u.test(first) ? "it is not compiled" : first;
}

function missing(reason: string, cause: unknown): KeyStoreError {
  return new KeyStoreError("KEY_SERVICE_UNAVAILABLE", `Keys in tokens need the package pkcs11js: ${reason}`, {
    cause,
    hint: `Install it: npm install --prefix ~/.tagseal pkcs11js@2; then: export ${addonVariable}=~/.tagseal/node_modules/pkcs11js`,
  });
}
