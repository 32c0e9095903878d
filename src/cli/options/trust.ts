/** Opening a collection for a command: docker's files and variables, the flags about trust, and a context that is always closed. */
import { parseBoolean } from "../../engine/command-line/boolean.ts";
import { UsageError } from "../../errors.ts";
import type { PassphraseSource } from "../../keys/passphrase.ts";
import type { ImageReference } from "../../reference/image-reference.ts";
import type { TrustContext } from "../../trust/trust-context.ts";
import type { TrustEventHandler } from "../../trust/trust-event.ts";
import type { Io } from "../io.ts";
import { dockerConfigDir } from "./docker-config.ts";
import { parseDuration } from "./duration.ts";
import { loginCommand, loginsOf } from "./login.ts";
import type { TextOption } from "./option.ts";

/** `--max-staleness`: how long ago what is believed may have been signed. */
export const maxStalenessOption: TextOption = {
  kind: "text",
  value: "duration",
  help: "Refuse trust data that was signed longer ago than this, also from the trust server; 0: refuse cached data",
};

/** What a command wants of a collection. */
export interface TrustSettings {
  readonly access: "read" | "write" | "admin";
  readonly notify: TrustEventHandler;
  readonly passphrases?: PassphraseSource;
  /** the value of `--max-staleness` */
  readonly maxStaleness?: string | undefined;
}

/** Opens the collection `reference` belongs to. Whoever opens it closes it. */
export async function openTrust(io: Io, reference: ImageReference, settings: TrustSettings): Promise<TrustContext> {
  const mustRemember = insistsOnMemory(io);
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
    ...(passphrases === undefined ? {} : { passphrases }),
    ...timestampLifetime(io),
    ...(maxStaleness === undefined ? {} : { maxStalenessMs: parseDuration(maxStaleness, "--max-staleness") }),
  });
}

/** The variable that says what the trust server gives a timestamp. */
const lifetimeVariable = "TAGSEAL_TIMESTAMP_LIFETIME";

function timestampLifetime({ env }: Io): { readonly timestampLifetimeMs?: number } {
  const text = env[lifetimeVariable] ?? "";
  return text === "" ? {} : { timestampLifetimeMs: parseDuration(text, lifetimeVariable) };
}

/** The variable that refuses what cannot be remembered. */
const memoryVariable = "TAGSEAL_REQUIRE_TRUST_DIRECTORY";

function insistsOnMemory({ env }: Io): boolean {
  const value = env[memoryVariable] ?? "";
  const isOn = value === "" ? false : parseBoolean(value);
  if (isOn !== undefined) return isOn;
  throw new UsageError("USAGE", `${memoryVariable} is "${value}", which is neither true nor false`, {
    hint: `set ${memoryVariable} to 1 or 0`,
  });
}

/** Opens the collection `reference` belongs to, lends it to `use`, and closes it whatever happens. */
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
  [lifetimeVariable, "what the trust server gives a timestamp, for --max-staleness; default: what is usual"],
];

/** Variables every command that asks a trust server reads, for help. */
export const trustEnvironment: readonly (readonly [string, string])[] = [
  ["DOCKER_CONFIG", "docker's configuration directory: credentials, tls/ and trust/ (default ~/.docker)"],
  ["DOCKER_CONTENT_TRUST_SERVER", "address of the trust server; default: the registry's own host"],
];

/** Variables every command reads that hands out what it verified, for help. */
export const readerEnvironment: readonly (readonly [string, string])[] = [
  ...trustEnvironment,
  [
    memoryVariable,
    "1 refuses what cannot be remembered because the trust directory cannot be written; default: a warning",
  ],
];

/** What the exit statuses of Tagseal's own verbs mean, for help. */
export const trustExitCodes: readonly (readonly [number, string])[] = [
  [2, "the tag, or the repository, is not signed"],
  [3, "refused: what the server or registry presented must not be trusted"],
  [4, "the registry or the trust server could not be reached"],
  [125, "a flag was not understood"],
  [130, "ended by Ctrl-C"],
];
