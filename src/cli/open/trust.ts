/** Opens a collection for a command: docker's files and variables, the trust flags, and a context that is always closed. */
import { parseBoolean } from "../../engine/command-line/boolean.ts";
import { UsageError } from "../../errors.ts";
import type { KeyStore } from "../../keys/key-store.ts";
import type { PassphraseSource } from "../../keys/passphrase.ts";
import type { Requirements } from "../../policy/requirements.ts";
import { gunOf, type ImageReference } from "../../reference/image-reference.ts";
import { openTrustContext } from "../../trust/open-trust-context.ts";
import type { TrustCache } from "../../trust/ports.ts";
import type { TrustContext } from "../../trust/trust-context.ts";
import type { TrustEventHandler } from "../../trust/trust-event.ts";
import type { Io } from "../io.ts";
import { dockerConfigDir } from "./directories.ts";
import { parseDuration } from "../options/duration.ts";
import { loginCommand, loginsOf } from "./logins.ts";
import { requirementsHere } from "./policies.ts";
import { trustPinning } from "./trust-pinning.ts";
import { lifetimeVariable, memoryVariable, noInitVariable, serverVariable } from "../options/trust-flags.ts";

/** How a command uses a collection. */
export interface TrustSettings {
  readonly access: "read" | "write" | "admin";
  readonly notify: TrustEventHandler;
  readonly passphrases?: PassphraseSource;
  /** instead of opening the user's keys: keys that are unlocked once for several collections */
  readonly keys?: KeyStore;
  /** what the policies here require of the image, when they were asked already */
  readonly requirements?: Requirements;
  /** instead of docker's trust directory */
  readonly cacheFor?: ((gun: string) => TrustCache) | undefined;
  /** refuse what this machine cannot remember; default: as the environment says */
  readonly mustRemember?: boolean | undefined;
  /** ask the trust server for its timestamp at once, see `OpenTrustContextOptions` */
  readonly askAhead?: boolean;
  /** the value of `--max-staleness` */
  readonly maxStaleness?: string | undefined;
}

/** Opens the collection that `reference` belongs to, under the requirements of the policies here. The caller closes it. */
export async function openTrust(io: Io, reference: ImageReference, settings: TrustSettings): Promise<TrustContext> {
  const mustRemember = settings.mustRemember ?? isSwitchedOn(io, memoryVariable);
  const mustExist = isSwitchedOn(io, noInitVariable);
  const required = settings.requirements ?? (await requirementsHere(io, reference));
  const pinning = { ...(await trustPinning(io)), ...required.pinning };
  const { maxStaleness, access, askAhead = false, notify, passphrases, keys, cacheFor } = settings;
  return await openTrustContext({
    reference: required.identity,
    dockerConfigDir: dockerConfigDir(io),
    credentials: loginsOf(io),
    login: loginCommand(io),
    env: required.server === undefined ? io.env : { ...io.env, [serverVariable]: required.server },
    access,
    askAhead,
    notify,
    now: io.now,
    signal: io.signal,
    mustRemember,
    mustExist,
    ...(io.connections === undefined ? {} : { connections: io.connections }),
    pinning,
    ...(cacheFor === undefined ? {} : { cache: cacheFor(gunOf(required.identity)) }),
    ...(passphrases === undefined ? {} : { passphrases }),
    ...(keys === undefined ? {} : { keys }),
    ...timestampLifetime(io),
    ...shortest(required.maxStalenessMs, maxStaleness),
  });
}

function shortest(required: number | undefined, flag: string | undefined): { readonly maxStalenessMs?: number } {
  const given = flag === undefined ? [] : [parseDuration(flag, "--max-staleness")];
  const ages = [...given, ...(required === undefined ? [] : [required])];
  return ages.length === 0 ? {} : { maxStalenessMs: Math.min(...ages) };
}

function timestampLifetime({ env }: Io): { readonly timestampLifetimeMs?: number } {
  const text = env[lifetimeVariable] ?? "";
  return text === "" ? {} : { timestampLifetimeMs: parseDuration(text, lifetimeVariable) };
}

function isSwitchedOn({ env }: Io, variable: string): boolean {
  const value = env[variable] ?? "";
  const isOn = value === "" ? false : parseBoolean(value);
  if (isOn !== undefined) return isOn;
  throw new UsageError("USAGE", `${variable} is "${value}", which is neither true nor false`, {
    hint: `Set ${variable} to 1 or 0.`,
  });
}

/** The same surroundings, in which signing creates no repository if `--no-init` was given. */
export function withNoInit(io: Io, isGiven: boolean): Io {
  return isGiven ? { ...io, env: { ...io.env, [noInitVariable]: "1" } } : io;
}

/**
 * With `--no-init`, checks that a repository exists before something is uploaded for it. Without, asks nothing.
 *
 * @throws MetadataError `REPOSITORY_NOT_SIGNED`; what an update can refuse; NetworkError
 */
export async function requireRepository(io: Io, reference: ImageReference, notify: TrustEventHandler): Promise<void> {
  if (!isSwitchedOn(io, noInitVariable)) return;
  const { requireExisting } = await import("../../trust/publishing/must-exist.ts");
  await withTrust(io, reference, { access: "read", notify }, requireExisting);
}

/** Opens the collection that `reference` belongs to, passes it to `use`, and always closes it. */
export async function withTrust<T>(
  io: Io,
  reference: ImageReference,
  settings: TrustSettings,
  use: (context: TrustContext) => Promise<T>,
): Promise<T> {
  const context = await openTrust(io, reference, settings);
  try {
    return await use(context);
  } finally {
    context.close();
  }
}
