/** The flag, the variables and the exit statuses of commands that ask a trust server. */
import { policyEnvironment } from "./policy-flag.ts";
import type { SwitchOption, TextOption } from "./option.ts";

/** `--max-staleness`: the maximum age of accepted trust data. */
export const maxStalenessOption: TextOption = {
  kind: "text",
  value: "duration",
  help: "Refuse trust data signed longer ago than this, also from the trust server; 0 refuses cached data",
};

/** docker's variable with the address of the trust server. */
export const serverVariable = "DOCKER_CONTENT_TRUST_SERVER";

/** The variable with the path of the file. */
export const pinningVariable = "TAGSEAL_TRUST_PINNING";

/** The variable with the lifetime of the trust server's timestamps. */
export const lifetimeVariable = "TAGSEAL_TIMESTAMP_LIFETIME";

/** The variable that makes commands refuse trust that cannot be remembered. */
export const memoryVariable = "TAGSEAL_REQUIRE_TRUST_DIRECTORY";

/** The variable of `--no-init`. */
export const noInitVariable = "TAGSEAL_NO_INIT";

/** `--no-init`: sign only in repositories that exist. */
export const noInitOption: SwitchOption = {
  kind: "switch",
  help: "Fail instead of creating a repository that has no trust data",
};

/** The variable of every command with `--no-init`, for help. */
export const noInitEnvironment: readonly (readonly [string, string])[] = [
  [noInitVariable, "1 means --no-init, for machines where a mistyped name must not create a repository"],
];

/** The variable of every command with `--max-staleness`, for help. */
export const stalenessEnvironment: readonly (readonly [string, string])[] = [
  [lifetimeVariable, "lifetime of the trust server's timestamps, for --max-staleness (default: the usual one)"],
];

/** Variables of every command that asks a trust server, for help. */
export const trustEnvironment: readonly (readonly [string, string])[] = [
  ["DOCKER_CONFIG", "docker's configuration directory: credentials, tls/ and trust/ (default ~/.docker)"],
  [serverVariable, "address of the trust server (default: the registry's own host)"],
  [pinningVariable, "file with pins for first contact, such as notary's config.json (default: trust on first use)"],
  ...policyEnvironment,
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

/** What help says of Tagseal's own commands with `--max-staleness`. */
export const freshReaderHelp = {
  environment: [...readerEnvironment, ...stalenessEnvironment],
  exitCodes: trustExitCodes,
} as const;
