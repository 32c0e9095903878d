/**
 * Checks whether a server would start with its settings: everything that its start reads is read with the same code, one part after the other, so
 * that all problems show at once. Nothing is created, migrated or listened on.
 */

import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Environment } from "../../environment/environment.ts";
import { TagsealError, type ErrorCode } from "../../errors.ts";
import { openAuthorisation } from "../auth/open-authorisation.ts";
import { TrustedProxies } from "../../http/server/client-address.ts";
import type { Finding, Findings } from "../inspection/findings.ts";
import { SignerClient } from "../signer/grpc/signer-client.ts";
import { openKeyTableOf, passphrasesOf } from "../signer/key-place.ts";
import type { KeyService } from "../signer/key-service.ts";
import { isElsewhere } from "../signer/key-table.ts";
import { aliasesInUse, openKey } from "../signer/signer-keys.ts";
import { passphraseOf } from "../signer/given-passphrases.ts";
import { isDatabaseUrl, parseDatabaseAddress } from "../storage/sql/database-address.ts";
import { lookAtDatabase } from "../storage/sql/open-sql-database.ts";
import { watchAuthorities, watchTlsFiles } from "../../service/tls-files.ts";
import type { Validity } from "../../service/watching/certificate-validity.ts";
import { unattended } from "../../service/watching/watched-files.ts";
import { configuredServer, type ConfiguredServer, type ServerSettings } from "./server-configuration.ts";
import { serverSettings } from "./server-settings.ts";

/** One problem that keeps the server from starting, or a warning for its operator. */
export interface ConfigurationFinding extends Finding {
  readonly hint: string | undefined;
}

/** A file that a setting names. */
export interface ConfiguredFile {
  readonly setting: string;
  /** absolute, or relative to the working directory */
  readonly path: string;
}

/** What was found. */
export interface ConfigurationReport extends Findings<ConfigurationFinding> {
  readonly files: readonly ConfiguredFile[];
}

/** What to check. */
export interface ConfigurationInput {
  readonly settings: ServerSettings;
  readonly env: Environment;
  readonly now: Date;
  /** connect to databases, a remote signer and a place of keys, too */
  readonly connect: boolean;
  /** where `keys.store` says that keys are; undefined for a URI that cannot be read */
  readonly keyService?: KeyService | undefined;
}

/** Checks a configuration as the server would read it. A problem of the configuration is in the report, never thrown. */
export async function checkConfiguration(input: ConfigurationInput): Promise<ConfigurationReport> {
  return await new Check(input).run();
}

type FileSetting = keyof typeof serverSettings;

class Check {
  readonly #input: ConfigurationInput;
  readonly #problems: ConfigurationFinding[] = [];
  readonly #warnings: ConfigurationFinding[] = [];
  /** opening a table of keys would migrate its schema, which a check must not do */
  #canAskSharedKeys = false;

  constructor(input: ConfigurationInput) {
    this.#input = input;
  }

  async run(): Promise<ConfigurationReport> {
    const { settings, env } = this.#input;
    for (const name of settings.ignored) this.#warn("SERVER_CONFIGURATION", `${name} is accepted and has no effect`);
    const files = fileSettings(settings);
    for (const { setting, path } of files) await this.#try(() => readable(setting, path));
    const areReadable = this.#problems.length === 0;
    const configured = await this.#try(async () => configuredServer(settings, env));
    if (configured !== undefined) await this.#parts(configured, areReadable);
    return { files, problems: this.#problems, warnings: this.#warnings };
  }

  async #parts(configured: ConfiguredServer, areReadable: boolean): Promise<void> {
    await this.#try(async () => new TrustedProxies(configured.trustedProxies ?? []));
    // A missing file is one problem, not one for each part that needs it.
    if (areReadable) await this.#files(configured);
    await this.#storage(configured);
    const { keyService } = this.#input;
    if (this.#input.connect && keyService !== undefined) await this.#try(() => keyService.check());
    if (configured.remoteSigner === undefined) await this.#localSigner(configured);
    else if (areReadable) await this.#remoteSigner(configured.remoteSigner);
  }

  async #files({ tls, auth }: ConfiguredServer): Promise<void> {
    if (tls === undefined)
      this.#warn("SERVER_CONFIGURATION", "no certificate: the server speaks plain HTTP, which clients refuse");
    else
      await this.#certificates("server.tls_cert_file", () => watchTlsFiles(tls, { ...unattended(), part: "server" }));
    if (auth === undefined)
      this.#warn("SERVER_CONFIGURATION", "no authentication: every client may publish and delete");
    else await this.#try(async () => await (await openAuthorisation(auth, unattended())).close());
    const authorities = auth?.mtls?.caFile;
    if (authorities !== undefined && tls === undefined)
      this.#problem(
        "SERVER_CONFIGURATION",
        "client certificates are asked for, and the server has no certificate itself",
      );
  }

  async #certificates(
    setting: string,
    open: () => Promise<{ readonly validity: Validity | undefined }>,
  ): Promise<void> {
    const validity = (await this.#try(open))?.validity;
    if (validity === undefined) return;
    const { notBefore, notAfter, renewBy } = validity;
    const { now } = this.#input;
    if (now > notAfter) this.#problem("CERTIFICATE_INVALID", `${setting}: expired at ${notAfter.toISOString()}`);
    else if (now < notBefore)
      this.#problem("CERTIFICATE_INVALID", `${setting}: not valid before ${notBefore.toISOString()}`);
    else if (now > renewBy) this.#warn("CERTIFICATE_INVALID", `${setting}: expires at ${notAfter.toISOString()}`);
  }

  async #storage({ dataDir, database, signerDatabase, sqlLimits: limits }: ConfiguredServer): Promise<void> {
    if (dataDir === undefined && database === undefined)
      this.#problem(
        "SERVER_CONFIGURATION",
        "nothing says where to keep metadata: neither server.data_directory nor storage.db_url",
        "Set server.data_directory, or start the server with --data DIR.",
      );
    if (dataDir !== undefined) await this.#try(() => usableDirectory(dataDir));
    const shared = [
      [database, "metadata"],
      [signerDatabase ?? database, "signer"],
    ] as const;
    for (const [url, schema] of shared) {
      if (url === undefined || !isDatabaseUrl(url)) continue;
      const address = await this.#try(async () => parseDatabaseAddress(url));
      if (address === undefined || !this.#input.connect) continue;
      const onWarning = (text: string): void => this.#warn("SERVER_CONFIGURATION", text);
      const missing = await this.#try(() => lookAtDatabase(url, schema, { limits, onWarning }));
      if (schema === "signer") this.#canAskSharedKeys = missing === 0;
      if (missing !== undefined && missing > 0)
        this.#warn(
          "SERVER_CONFIGURATION",
          `${address.display} lacks ${missing} steps of the ${schema} schema: the first start runs them`,
        );
    }
  }

  /** Checks that every passphrase in use is given, and right. A first start has none yet. */
  async #localSigner({
    dataDir,
    database,
    signerDatabase,
    sqlLimits,
    signerPassphrases,
  }: ConfiguredServer): Promise<void> {
    const place = { dataDir, database: signerDatabase ?? database, sqlLimits };
    const isThere = dataDir !== undefined && (await isFile(join(dataDir, "signer.db")));
    const canAsk = place.database === undefined ? isThere : this.#canAskSharedKeys;
    const mustBeGiven = place.database !== undefined && this.#input.keyService?.makesKeys !== true;
    if (!canAsk) return await this.#givenPassphrase(signerPassphrases, mustBeGiven);
    await this.#try(async () => {
      const table = await openKeyTableOf(place, { mustExist: true });
      try {
        const beside = place.database === undefined ? dataDir : undefined;
        const passphrases = passphrasesOf({ dataDir: beside }, signerPassphrases, await aliasesInUse(table));
        for (const key of (await table.oneKeyPerAlias()).filter((one) => !isElsewhere(one)))
          await this.#try(async () => void (await openKey(key, passphrases)));
      } finally {
        await table.close();
      }
    });
  }

  /** With several passphrases and no default alias, only the existing keys may show which one seals new keys. */
  async #givenPassphrase(given: ConfiguredServer["signerPassphrases"], mustBeGiven: boolean): Promise<void> {
    const isNone = (given?.byAlias.size ?? 0) === 0;
    const alias = given?.defaultAlias ?? (mustBeGiven && isNone ? "default" : undefined);
    if (alias !== undefined) await this.#try(async () => void passphraseOf(given ?? { byAlias: new Map() }, alias));
  }

  async #remoteSigner(remote: NonNullable<ConfiguredServer["remoteSigner"]>): Promise<void> {
    const { caFile } = remote;
    await this.#certificates("trust_service.tls_client_cert", () =>
      watchTlsFiles(remote, { ...unattended(), part: "client" }),
    );
    if (caFile !== undefined)
      await this.#certificates("trust_service.tls_ca_file", () =>
        watchAuthorities(caFile, { ...unattended(), part: "ca" }),
      );
    if (!this.#input.connect) return;
    await this.#try(async () => {
      const client = await SignerClient.create(remote);
      try {
        await client.check();
      } finally {
        client.close();
      }
    });
  }

  async #try<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof TagsealError)) throw error;
      this.#problem(error.code, error.message, error.hint);
      return undefined;
    }
  }

  #problem(code: ErrorCode, message: string, hint?: string): void {
    if (!this.#problems.some((known) => known.message === message)) this.#problems.push({ code, message, hint });
  }

  #warn(code: ErrorCode, message: string): void {
    if (!this.#warnings.some((known) => known.message === message))
      this.#warnings.push({ code, message, hint: undefined });
  }
}

function fileSettings(settings: ServerSettings): readonly ConfiguredFile[] {
  const names = (Object.keys(serverSettings) as FileSetting[]).filter((name) => serverSettings[name].kind === "file");
  return settings
    .given(...names)
    .filter((name) => name !== "server.data_directory")
    .map((setting) => ({ setting, path: settings.text(setting) ?? "" }));
}

async function readable(setting: string, path: string): Promise<void> {
  try {
    await access(path, constants.R_OK);
    if ((await stat(path)).isFile()) return;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new TagsealError("FILE_UNREADABLE", `${setting}: cannot read ${path}: ${reason}`, {
      cause,
      hint: "Check the path, and run this as the account that the server runs as.",
    });
  }
  throw new TagsealError("FILE_UNREADABLE", `${setting}: ${path} is not a file`);
}

/** It may be missing: the server creates it if it has permission. */
async function usableDirectory(path: string): Promise<void> {
  try {
    const isDirectory = (await stat(path)).isDirectory();
    if (isDirectory) return await access(path, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new TagsealError("SERVER_CONFIGURATION", `Cannot use ${path} as the data directory: ${reason}`, {
      cause,
      hint: "Run this as the account that the server runs as, which may write there.",
    });
  }
  throw new TagsealError("SERVER_CONFIGURATION", `Cannot use ${path} as the data directory: it is not a directory`);
}

async function isFile(path: string): Promise<boolean> {
  return await stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}
