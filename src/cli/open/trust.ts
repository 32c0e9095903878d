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
import type { TextOption } from "../options/option.ts";
import { pinningVariable, trustPinning } from "./trust-pinning.ts";

/** `--max-staleness`: the maximum age of accepted trust data. */
export const maxStalenessOption: TextOption = {
  kind: "text",
  value: "duration",
  help: "Refuse trust data signed longer ago than this, also from the trust server; 0 refuses cached data",
};

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
  const { openTrustContext } = await import("../../trust/trust-context.ts");
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

/** The variable with the lifetime of the trust server's timestamps. */
const lifetimeVariable = "TAGSEAL_TIMESTAMP_LIFETIME";

function timestampLifetime({ env }: Io): { readonly timestampLifetimeMs?: number } {
  const text = env[lifetimeVariable] ?? "";
  return text === "" ? {} : { timestampLifetimeMs: parseDuration(text, lifetimeVariable) };
}

/** The variable that makes commands refuse trust that cannot be remembered. */
const memoryVariable = "TAGSEAL_REQUIRE_TRUST_DIRECTORY";

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

/** The variable of every command with `--max-staleness`, for help. */
export const stalenessEnvironment: readonly (readonly [string, string])[] = [
  [lifetimeVariable, "lifetime of the trust server's timestamps, for --max-staleness (default: the usual one)"],
];

/** Variables of every command that asks a trust server, for help. */
export const trustEnvironment: readonly (readonly [string, string])[] = [
  ["DOCKER_CONFIG", "docker's configuration directory: credentials, tls/ and trust/ (default ~/.docker)"],
  ["DOCKER_CONTENT_TRUST_SERVER", "address of the trust server (default: the registry's own host)"],
  [pinningVariable, "file with pins for first contact, such as notary's config.json (default: trust on first use)"],
];

/** Variables of every command that verifies, for help. */
export const readerEnvironment: readonly (readonly [string, string])[] = [
  ...trustEnvironment,
  [
    memoryVariable,
    "1 refuses trust that cannot be remembered because the trust directory is not writable (default: a warning)",
  ],
];

/** The exit statuses of Tagseal's own commands, for help. */
export const trustExitCodes: readonly (readonly [number, string])[] = [
  [2, "the tag or the repository is not signed"],
  [3, "refused: the server or registry presented something that must not be trusted"],
  [4, "the registry or the trust server could not be reached"],
  [125, "a flag was not understood"],
  [130, "ended by Ctrl-C"],
];
