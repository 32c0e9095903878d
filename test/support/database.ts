/** PostgreSQL and MariaDB servers in a scope's directory, for the reference trust server and signer. */
import { chmodSync, chownSync, mkdirSync, readFileSync } from "node:fs";
import { systemCode } from "../../src/errors.ts";
import { certificates } from "./certificates.ts";
import type { Machine } from "./machine.ts";
import { findExecutable, freePort, run, runOk, type Running, type Scope } from "./processes.ts";

/** A running database server. */
export interface Database {
  readonly kind: "postgres" | "mysql";
  readonly port: number;
  /** Creates a database and runs `script` in it. */
  create(name: string, script: string): Promise<void>;
  /** Runs SQL in a database. */
  run(name: string, sql: string): Promise<void>;
  /** The data source name the reference server takes for that database. */
  url(name: string): string;
  /** Runs SQL as the database's own superuser, and returns what came out, columns divided by tabs. */
  sql(name: string, script: string): Promise<string>;
  /** Ends the server; `SIGKILL` as a crash would, otherwise in its orderly way. */
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it again on the same port and data. */
  start(): Promise<void>;
  /** Lets all of its processes hang, without closing a connection, and continue. */
  hang(): void;
  goOn(): void;
}

/** Sends a signal to a process and to all that it has started; some of them may just have ended. */
function signalAll(pid: number, signal: NodeJS.Signals): void {
  try {
    // First the parent: one that has stopped starts no more children.
    process.kill(pid, signal);
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean);
    for (const child of children) signalAll(Number(child), signal);
  } catch (error) {
    if (!["ESRCH", "ENOENT"].includes(systemCode(error))) throw error;
  }
}

/** The servers refuse to run as root; Debian's packages bring an account for each. */
export function accountNamed(name: string): { uid: number; gid: number } {
  const line = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .find((entry) => entry.startsWith(`${name}:`));
  const [, , uid, gid] = line?.split(":") ?? [];
  if (uid === undefined || gid === undefined) throw new Error(`no account ${name} on this machine`);
  return { uid: Number(uid), gid: Number(gid) };
}

/** A directory of the scope that an account other than the test's may use. */
export function ownedDirectory(scope: Scope, name: string, owner: { uid: number; gid: number }): string {
  const directory = scope.path(name);
  chmodSync(scope.directory, 0o755); // the database's account must pass through
  mkdirSync(directory, { recursive: true });
  chownSync(directory, owner.uid, owner.gid);
  return directory;
}

/**
 * Command line arguments for a server that speaks TLS, with a certificate of the scope's authority for `localhost`, 127.0.0.1 and `hosts`.
 */
export async function tlsSettings(
  scope: Scope,
  kind: Database["kind"],
  hosts: readonly string[] = [],
): Promise<{ ca: string; settings: string[] }> {
  const { ca, serverCertificate, serverKey } = await certificates(scope, `${kind}-tls`, hosts);
  const { uid, gid } = accountNamed(kind);
  chownSync(serverKey, uid, gid);
  chmodSync(serverKey, 0o600);
  const files = [`ssl_cert_file=${serverCertificate}`, `ssl_key_file=${serverKey}`];
  const settings =
    kind === "postgres"
      ? ["ssl=on", ...files].flatMap((setting) => ["-c", setting])
      : [`--ssl-cert=${serverCertificate}`, `--ssl-key=${serverKey}`, `--ssl-ca=${ca}`];
  return { ca, settings };
}

/**
 * Starts PostgreSQL with durable defaults, on a free port or, on a separate machine, on the usual one. `settings` are further command line
 * arguments.
 */
export async function startPostgres(
  scope: Scope,
  settings: readonly string[] = [],
  machine?: Pick<Machine, "enter">,
): Promise<Database> {
  const owner = accountNamed("postgres");
  const directory = ownedDirectory(scope, "postgres", owner);
  const port = machine === undefined ? await freePort() : 5432;
  const account = [`--reuid=${owner.uid}`, `--regid=${owner.gid}`, "--clear-groups"];
  const initdb = [findExecutable("initdb") ?? "initdb", "-D", `${directory}/data`, "-A", "trust", "-U", "postgres"];
  await runOk("setpriv", [...account, ...initdb, "--no-sync"], { cwd: "/" });
  const sql = (...args: string[]): ReturnType<typeof run> =>
    run("psql", ["-q", "-v", "ON_ERROR_STOP=1", "-h", directory, "-p", String(port), "-U", "postgres", ...args]);
  const server = [findExecutable("postgres") ?? "postgres", "-D", `${directory}/data`, "-p", String(port)];
  const places = ["-k", directory, "-c", "listen_addresses=127.0.0.1"];
  const words = [...(machine?.enter ?? []), "setpriv", ...account, ...server, ...places, ...settings];
  const start = (): Promise<Running> => {
    const [program = "", ...args] = words;
    return scope.start("postgres", program, args, {
      cwd: "/",
      ready: async () => (await sql("-c", "select 1")).code === 0,
    });
  };
  let running = await start();
  // Not SIGTERM: that waits until every client has left.
  scope.defer(() => running.stop("SIGINT"));
  const must = async (...args: string[]): Promise<void> => {
    const { code, stderr } = await sql(...args);
    if (code !== 0) throw new Error(`psql: ${stderr}`);
  };
  return {
    kind: "postgres",
    port,
    async create(name, script) {
      await must("-c", `create database ${name}`);
      await must("-d", name, "-c", script);
    },
    run: (name, statements) => must("-d", name, "-c", statements),
    url: (name) => `postgres://postgres@127.0.0.1:${port}/${name}?sslmode=disable`,
    async sql(name, script) {
      const { code, stdout, stderr } = await sql("-d", name, "-A", "-t", "-F", "\t", "-c", script);
      if (code !== 0) throw new Error(`psql: ${stderr}`);
      return stdout.trimEnd();
    },
    // SIGINT: a fast shutdown, which does not wait for clients to leave
    stop: async (signal = "SIGINT") => void (await running.stop(signal)),
    start: async () => {
      running = await start();
      scope.defer(() => running.stop("SIGINT"));
    },
    hang: () => signalAll(running.pid, "SIGSTOP"),
    goOn: () => signalAll(running.pid, "SIGCONT"),
  };
}

/** Starts MariaDB on a free port or, on a separate machine, on the usual one. `settings` are further command line arguments. */
export async function startMariadb(
  scope: Scope,
  settings: readonly string[] = [],
  machine?: Pick<Machine, "enter">,
): Promise<Database> {
  const owner = accountNamed("mysql");
  const directory = ownedDirectory(scope, "mariadb", owner);
  const port = machine === undefined ? await freePort() : 3306;
  const socket = `${directory}/s`;
  // A server removes what looks like its temporary tables when it starts, in a shared directory those of others as well.
  const temporary = `--tmpdir=${ownedDirectory(scope, "mariadb/tmp", owner)}`;
  await runOk("mariadb-install-db", [
    "--no-defaults",
    "--user=mysql",
    `--datadir=${directory}/data`,
    temporary,
    "--auth-root-authentication-method=normal",
  ]);
  const sql = (input: string, ...args: string[]): ReturnType<typeof run> =>
    run("mariadb", ["--no-defaults", "-uroot", "-S", socket, ...args], { input });
  const [program = "", ...args] = [
    ...(machine?.enter ?? []),
    findExecutable("mariadbd") ?? "mariadbd",
    "--no-defaults",
    "--user=mysql",
    `--datadir=${directory}/data`,
    `--socket=${socket}`,
    `--port=${port}`,
    "--bind-address=127.0.0.1",
    `--pid-file=${directory}/pid`,
    temporary,
    ...settings,
  ];
  const start = (): Promise<Running> =>
    scope.start("mariadb", program, args, {
      ready: async () => (await sql("select 1")).code === 0,
    });
  let running = await start();
  return {
    kind: "mysql",
    port,
    async create(name, script) {
      const users = ["127.0.0.1", "localhost"]
        .map((host) => `create user if not exists notary@'${host}'; grant all on ${name}.* to notary@'${host}';`)
        .join("");
      const { code, stderr } = await sql(`create database ${name}; ${users} use ${name}; ${script}`);
      if (code !== 0) throw new Error(`mariadb: ${stderr}`);
    },
    async run(name, statements) {
      const { code, stderr } = await sql(`use ${name}; ${statements}`);
      if (code !== 0) throw new Error(`mariadb: ${stderr}`);
    },
    url: (name) => `notary@tcp(127.0.0.1:${port})/${name}?parseTime=true`,
    async sql(name, script) {
      const { code, stdout, stderr } = await sql(script, "-N", "-B", name);
      if (code !== 0) throw new Error(`mariadb: ${stderr}`);
      return stdout.trimEnd();
    },
    stop: async (signal) => void (await running.stop(signal)),
    start: async () => void (running = await start()),
    hang: () => signalAll(running.pid, "SIGSTOP"),
    goOn: () => signalAll(running.pid, "SIGCONT"),
  };
}
