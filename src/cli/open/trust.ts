/** Opens a collection for a command: docker's files and variables, the trust flags, and a context that is always closed. */
import { parseBoolean } from "../../engine/command-line/boolean.ts";
import { UsageError } from "../../errors.ts";
import type { PassphraseSource } from "../../keys/passphrase.ts";
import type { ImageReference } from "../../reference/image-reference.ts";
import type { TrustContext } from "../../trust/trust-context.ts";
import type { TrustEventHandler } from "../../trust/trust-event.ts";
import type { Io } from "../io.ts";
import { dockerConfigDir } from "./directories.ts";
import { parseDuration } from "../options/duration.ts";
import { loginCommand, loginsOf } from "./logins.ts";
import { trustPinning } from "./trust-pinning.ts";
import { lifetimeVariable, memoryVariable } from "../options/trust-flags.ts";

/** How a command uses a collection. */
export interface TrustSettings {
  readonly access: "read" | "write" | "admin";
  readonly notify: TrustEventHandler;
  readonly passphrases?: PassphraseSource;
  /** the value of `--max-staleness` */
  readonly maxStaleness?: string | undefined;
}

/** Opens the collection that `reference` belongs to. The caller closes it. */
export async function openTrust(io: Io, reference: ImageReference, settings: TrustSettings): Promise<TrustContext> {
  const mustRemember = insistsOnMemory(io);
  const pinning = await trustPinning(io);
  const { openTrustContext } = await import("../../trust/open-trust-context.ts");
  const { maxStaleness, access, notify, passphrases } = settings;
  return await openTrustContext({
    reference,
    dockerConfigDir: dockerConfigDir(io),
    credentials: loginsOf(io),
    login: loginCommand(io),
    env: io.env,
    access,
    notify,
    now: io.now,
    signal: io.signal,
    mustRemember,
    ...(io.connections === undefined ? {} : { connections: io.connections }),
    ...(pinning === undefined ? {} : { pinning }),
    ...(passphrases === undefined ? {} : { passphrases }),
    ...timestampLifetime(io),
    ...(maxStaleness === undefined ? {} : { maxStalenessMs: parseDuration(maxStaleness, "--max-staleness") }),
  });
}

function timestampLifetime({ env }: Io): { readonly timestampLifetimeMs?: number } {
  const text = env[lifetimeVariable] ?? "";
  return text === "" ? {} : { timestampLifetimeMs: parseDuration(text, lifetimeVariable) };
}

function insistsOnMemory({ env }: Io): boolean {
  const value = env[memoryVariable] ?? "";
  const isOn = value === "" ? false : parseBoolean(value);
  if (isOn !== undefined) return isOn;
  throw new UsageError("USAGE", `${memoryVariable} is "${value}", which is neither true nor false`, {
    hint: `Set ${memoryVariable} to 1 or 0.`,
  });
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
