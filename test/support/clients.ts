/** Docker, notary and Tagseal command lines, each seeing only the trust directory, settings and passphrases it is given. */
import { chmodSync, copyFileSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Engine } from "./dockerd.ts";
import type { TrustServer } from "./notary-server.ts";
import { run, runOk, type Environment, type Finished, type RunOptions, type Scope } from "./processes.ts";

/** Every passphrase of every test client; long enough for each of them. */
export const passphrases = { root: "root passphrase", repository: "repository passphrase" } as const;

/** The address of a trust server, of any kind, and its authority. */
export type ReachableTrustServer = Pick<TrustServer, "url" | "port" | "ca">;

/** What the three command lines share: one `$DOCKER_CONFIG`, one trust server, one engine. */
export interface ClientOptions {
  readonly server?: ReachableTrustServer;
  readonly engine?: Engine;
  /** added last, so it wins; `undefined` removes a variable */
  readonly env?: Environment;
  /** directory name below the scope; clients with the same name share a trust directory. Default `client` */
  readonly name?: string;
}

/** One user's command lines on one `$DOCKER_CONFIG`. Each call resolves whatever the exit code; the `…Ok` forms reject. */
export interface Client {
  readonly dockerConfig: string;
  readonly trustDirectory: string;
  readonly env: Environment;
  docker(args: readonly string[], options?: RunOptions): Promise<Finished>;
  dockerOk(args: readonly string[], options?: RunOptions): Promise<Finished>;
  notary(args: readonly string[], options?: RunOptions): Promise<Finished>;
  notaryOk(args: readonly string[], options?: RunOptions): Promise<Finished>;
  tagseal(args: readonly string[], options?: RunOptions): Promise<Finished>;
  tagsealOk(args: readonly string[], options?: RunOptions): Promise<Finished>;
}

/** The checkout's launcher. */
export const launcher = resolve(import.meta.dirname, "../../bin/tagseal");

/** The command under test: the launcher, or what `TAGSEAL_BIN` names, such as the self-contained executable. */
export const tagsealCommand = resolve(process.env["TAGSEAL_BIN"] ?? launcher);

/** What Node.js loads before a program, so that keys of tests cost little to make and to unlock. */
export const fewRounds = resolve(import.meta.dirname, "few-rounds.cjs");

/** The same for commands that are started; without it they write keys as those of users. */
export const cheapKeys: Environment = { NODE_OPTIONS: `--require=${fewRounds}` };

/** docker's, notary's and our passphrase variables, all set. */
export const passphraseEnvironment: Environment = {
  DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE: passphrases.root,
  DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: passphrases.repository,
  NOTARY_ROOT_PASSPHRASE: passphrases.root,
  NOTARY_TARGETS_PASSPHRASE: passphrases.repository,
  NOTARY_SNAPSHOT_PASSPHRASE: passphrases.repository,
  NOTARY_DELEGATION_PASSPHRASE: passphrases.repository,
};

function writeDockerConfig(directory: string, server: ReachableTrustServer | undefined): void {
  mkdirSync(join(directory, "trust"), { recursive: true, mode: 0o700 });
  if (!existsSync(join(directory, "config.json"))) writeFileSync(join(directory, "config.json"), "{}");
  if (server === undefined) return;
  const tls = join(directory, "tls", `localhost:${server.port}`);
  mkdirSync(tls, { recursive: true });
  copyFileSync(server.ca, join(tls, "ca.crt"));
  chmodSync(join(tls, "ca.crt"), 0o644);
}

/** A user with an own home, `$DOCKER_CONFIG` (the server's authority in its `tls/`) and passphrases in the environment. */
export function client(scope: Scope, options: ClientOptions = {}): Client {
  const home = scope.path(options.name ?? "client");
  const dockerConfig = join(home, ".docker");
  writeDockerConfig(dockerConfig, options.server);
  const trustDirectory = join(dockerConfig, "trust");
  const env: Environment = {
    HOME: home,
    DOCKER_CONFIG: dockerConfig,
    DOCKER_HOST: options.engine?.host,
    DOCKER_BUILDKIT: "0",
    DOCKER_CONTENT_TRUST_SERVER: options.server?.url,
    ...cheapKeys,
    ...passphraseEnvironment,
    ...options.env,
  };
  const notaryArgs = options.server === undefined ? [] : ["-s", options.server.url, "--tlscacert", options.server.ca];
  const bound =
    (execute: typeof run, command: string, fixed: readonly string[] = []) =>
    (args: readonly string[], more: RunOptions = {}): Promise<Finished> =>
      execute(command, [...fixed, ...args], { cwd: home, ...more, env: { ...env, ...more.env } });
  const onTrust = [...notaryArgs, "-d", trustDirectory];
  return {
    dockerConfig,
    trustDirectory,
    env,
    docker: bound(run, "docker"),
    dockerOk: bound(runOk, "docker"),
    notary: bound(run, "notary", onTrust),
    notaryOk: bound(runOk, "notary", onTrust),
    tagseal: bound(run, tagsealCommand),
    tagsealOk: bound(runOk, tagsealCommand),
  };
}
