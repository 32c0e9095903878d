/** PKCS#11 modules: the libraries with which the makers of tokens give access to them. */
import { realpathSync } from "node:fs";
import { isAbsolute } from "node:path";
import type { PKCS11 } from "pkcs11js";
import type { Environment } from "../../environment/environment.ts";
import { KeyStoreError } from "../../errors.ts";
import { refuseWorldWritable } from "../../files/private-modes.ts";
import { statIfThere } from "../../files/stat-if-there.ts";
import { loadAddon, type Pkcs11Addon } from "./pkcs11-addon.ts";

/** A module that is loaded. */
export interface Pkcs11Module {
  readonly path: string;
  readonly addon: Pkcs11Addon;
  readonly api: PKCS11;
}

/** Names the module, when the URI does not. */
export const moduleVariable = "TAGSEAL_PKCS11_MODULE";

const libraryDirectories = [
  "/usr/lib/x86_64-linux-gnu",
  "/usr/lib/aarch64-linux-gnu",
  "/usr/lib64",
  "/usr/lib",
  "/usr/local/lib",
  "/opt/homebrew/lib",
  "/Library/OpenSC/lib",
];
const libraryNames = [
  "libykcs11.so",
  "libykcs11.dylib",
  "opensc-pkcs11.so",
  "pkcs11/opensc-pkcs11.so",
  "pkcs11/yubihsm_pkcs11.so",
  "softhsm/libsofthsm2.so",
  "pkcs11/libsofthsm2.so",
];

/** A module is initialised once in a process, whatever the number of stores that use it. */
const loaded = new Map<string, Promise<Pkcs11Module>>();

/**
 * The modules in which to look for a token: the one that the URI or the environment names, else those that are installed in the usual places
 * for YubiKey, OpenSC (smart cards, Nitrokey, PIV), YubiHSM and SoftHSM.
 *
 * @throws KeyStoreError `KEY_SERVICE_UNAVAILABLE` when there is none, or the named one cannot be used; `KEY_FILE_UNSAFE`
 */
export async function openModules(
  named: string | undefined,
  { env, onWarning }: { readonly env: Environment; readonly onWarning: (warning: string) => void },
): Promise<readonly Pkcs11Module[]> {
  const chosen = named ?? (env[moduleVariable] || undefined);
  const addon = await loadAddon(env);
  if (chosen !== undefined) return [await openOnce(chosen, addon)];
  const modules: Pkcs11Module[] = [];
  for (const path of installedModules()) {
    try {
      modules.push(await openOnce(path, addon));
    } catch (error) {
      // One broken installation must not hide the tokens of another.
      if (!(error instanceof KeyStoreError)) throw error;
      onWarning(error.message);
    }
  }
  if (modules.length > 0) return modules;
  throw unavailable("No PKCS#11 module is installed in a usual place", undefined);
}

function installedModules(): readonly string[] {
  const paths = libraryDirectories.flatMap((directory) => libraryNames.map((name) => `${directory}/${name}`));
  return [...new Set(paths.filter((path) => statIfThere(path)?.isFile()).map((path) => realpathSync(path)))];
}

async function openOnce(path: string, addon: Pkcs11Addon): Promise<Pkcs11Module> {
  if (!isAbsolute(path)) throw unavailable(`${moduleVariable} is not an absolute path`, undefined);
  const stats = statIfThere(path);
  if (stats?.isFile() !== true) throw unavailable(`There is no PKCS#11 module ${path}`, undefined);
  refuseWorldWritable(path, stats);
  const key = realpathSync(path);
  const opening = loaded.get(key) ?? open(path, addon);
  loaded.set(key, opening);
  return await opening;
}

async function open(path: string, addon: Pkcs11Addon): Promise<Pkcs11Module> {
  const api = new addon.PKCS11();
  try {
    api.load(path);
    api.C_Initialize({ flags: addon.CKF_OS_LOCKING_OK });
  } catch (cause) {
    if (hasReturned(cause, addon.CKR_CRYPTOKI_ALREADY_INITIALIZED)) return { path, addon, api };
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw unavailable(`PKCS#11 module ${path} cannot be used: ${reason}`, cause);
  }
  return { path, addon, api };
}

/**
 * Starts a module again, which ends all its sessions: some modules do not see before that that a token, or their connection to one, is back.
 *
 * @throws KeyStoreError `KEY_SERVICE_UNAVAILABLE`
 */
export function restartModule({ path, addon, api }: Pkcs11Module): void {
  try {
    finalise(addon, api);
    api.C_Initialize({ flags: addon.CKF_OS_LOCKING_OK });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw unavailable(`PKCS#11 module ${path} does not start again: ${reason}`, cause);
  }
}

/** When an earlier start failed, there is nothing to end. */
function finalise(addon: Pkcs11Addon, api: PKCS11): void {
  try {
    api.C_Finalize();
  } catch (error) {
    if (!hasReturned(error, addon.CKR_CRYPTOKI_NOT_INITIALIZED)) throw error;
  }
}

/** True for the failure of a PKCS#11 call with one of these return values. */
export function hasReturned(error: unknown, ...values: readonly number[]): boolean {
  return error instanceof Error && "code" in error && values.some((value) => value === error.code);
}

/** A failure that a token reports, by the name that PKCS#11 gives it. */
export function tokenFailed(what: string, place: string, cause: unknown): KeyStoreError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new KeyStoreError("KEY_SERVICE_FAILED", `Cannot ${what} in ${place}: ${reason}`, {
    cause,
    hint: "Check that the token is plugged in, and that no other program uses it: tagseal trust key tokens",
  });
}

function unavailable(message: string, cause: unknown): KeyStoreError {
  return new KeyStoreError("KEY_SERVICE_UNAVAILABLE", message, {
    cause,
    hint: `Install the token's module (packages ykcs11, opensc-pkcs11, softhsm2), or name it: export ${moduleVariable}=/PATH/module.so`,
  });
}
