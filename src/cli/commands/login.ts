import type { KeptLogin } from "../../docker-config/login-entries.ts";
import type { LoginStore, StoredLogin } from "../../docker-config/login-store.ts";
import { type LoginAddress, loginAddress } from "../../docker-config/login-address.ts";
import { hasCode } from "../../errors.ts";
import { defineCommand } from "../command.ts";
import type { Io } from "../io.ts";
import { keptLogin, shadowingLogin } from "../open/logins.ts";
import { dockerConfigDir } from "../open/directories.ts";
import { showLogin } from "../open/registry.ts";
import { jsonOption } from "../options/output-flags.ts";
import { printable } from "../output/printable.ts";
import { writeJson } from "../output/write-json.ts";
import { type LoginFlags, typedLogin } from "../open/typed-login.ts";

/** `tagseal login`: docker's `login` for machines without an engine, into docker's own files. */
export const command = defineCommand(
  {
    path: "login",
    usage: "[OPTIONS] [SERVER]",
    summary: "Log in to a registry",
    description: [
      "Asks the registry whether it accepts the login, and keeps it where docker does: with the credential helper that docker's config.json names, else in that file. docker, and every other program that reads the file, uses the login as well. Without SERVER it is for Docker Hub.",
      "If a login is stored already and no user is named, it is tried first. An engine that you ask for (--engine, TAGSEAL_ENGINE or the plugins section of config.json) logs in itself.",
    ],
    options: {
      username: { kind: "text", short: "u", value: "string", help: "User name" },
      password: {
        kind: "text",
        short: "p",
        value: "string",
        help: "Password or access token; other users of the machine can see it",
      },
      "password-stdin": { kind: "switch", help: "Read the password from standard input" },
      json: jsonOption,
    },
    args: { min: 0, max: 1 },
    examples: [
      {
        text: "log in with an access token from a file",
        line: "tagseal login -u ci --password-stdin registry.example.com <token.txt",
      },
      { text: "answer prompts", line: "tagseal login registry.example.com" },
    ],
    environment: [
      ["DOCKER_CONFIG", "docker's configuration directory, with config.json (default ~/.docker)"],
      ["DOCKER_AUTH_CONFIG", "logins that count before all others; login does not change them"],
    ],
    dockerExitCodes: true,
  },
  async ({ options, args: [server = ""] }, io) => {
    const flags = { ...options, passwordStdin: options["password-stdin"] };
    const address = loginAddress(server);
    const { LoginStore: Store } = await import("../../docker-config/login-store.ts");
    const store = new Store({ directory: dockerConfigDir(io), env: io.env, signal: io.signal });
    // a password that could not be kept is not sent
    store.requireUsable();
    const username = (await withStoredLogin(flags, address, io)) ?? (await withNewLogin(flags, { address, store, io }));
    await tellShadow(address, io);
    const { helper = null, file } = store.placeOf(address.key);
    const { registry, key } = address;
    if (options.json) writeJson(io, { registry, key, username: username === "" ? null : username, helper, file });
    else io.stdout.write("Login Succeeded\n");
    return 0;
  },
);

/**
 * Tries the login that is there.
 *
 * @returns the user's name, empty for a token without one; undefined when there is no login, or it is not accepted any more
 */
async function withStoredLogin(flags: LoginFlags, address: LoginAddress, io: Io): Promise<string | undefined> {
  if (flags.username !== undefined || flags.password !== undefined || flags.passwordStdin) return undefined;
  const stored = await keptLogin(io, address.registry);
  if (stored === undefined) return undefined;
  const username = (stored.kind === "basic" ? stored.username : stored.basic?.username) ?? "";
  tellReuse(username, io);
  try {
    await showLogin(io, address.registry, stored);
    return username;
  } catch (error) {
    if (!hasCode(error, "AUTHENTICATION_REFUSED", "AUTHENTICATION_REQUIRED")) throw error;
    io.stderr.write(`${printable(`Login did not succeed, error: ${error.message}`)}\n`);
    return undefined;
  }
}

function tellReuse(username: string, io: Io): void {
  const name = username === "" ? "" : printable(` [Username: ${username}]`);
  io.stderr.write(`Authenticating with existing credentials...${name}\n\n`);
  io.stderr.write(" Info -> To login with a different account, run 'tagseal logout' followed by 'tagseal login'\n\n\n");
}

interface NewLogin {
  readonly address: LoginAddress;
  readonly store: LoginStore;
  readonly io: Io;
}

async function withNewLogin(flags: LoginFlags, { address, store, io }: NewLogin): Promise<string> {
  const typed = await typedLogin(flags, io);
  const identityToken = await showLogin(io, address.registry, typed);
  const login: KeptLogin =
    identityToken === undefined ? typed : { kind: "identity-token", token: identityToken, basic: typed };
  const stored = await store.store(address.key, login);
  // docker's rule: a token, which can be withdrawn, is worth no warning
  if (stored.helper === undefined && stored.isWritten && login.kind === "basic") tellUnencrypted(stored, io);
  return typed.username;
}

function tellUnencrypted({ file }: StoredLogin, io: Io): void {
  io.stderr.write(`
WARNING! Your credentials are stored unencrypted in '${printable(file)}'.
Configure a credential helper to remove this warning. See
https://docs.docker.com/go/credential-store/

`);
}

async function tellShadow({ registry }: LoginAddress, io: Io): Promise<void> {
  if (await shadowingLogin(io, registry))
    io.stderr.write(
      `warning: DOCKER_AUTH_CONFIG has a login for ${printable(registry)}, which counts before the stored one\n`,
    );
}
