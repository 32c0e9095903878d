/**
 * Child processes for tests: run one to its end, or keep one running until its scope closes. Every process started here
 * is stopped by its own process ID, also when the test process dies early.
 */
import { spawn } from "node:child_process";
import { accessSync, constants, createWriteStream, globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";

/** Environment of a child process; `undefined` leaves a variable out. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** What a finished process left behind. `code` is null when a signal ended it. */
export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** How to run a process. Of the test's own environment only PATH, TAGSEAL_SOURCE and NODE_COMPILE_CACHE are passed on, so that no setting leaks in. */
export interface RunOptions {
  readonly env?: Environment;
  readonly cwd?: string;
  /** written to standard input, which is then closed */
  readonly input?: string | Uint8Array;
  /** default 120,000; the process is killed and the promise rejects */
  readonly timeoutMs?: number;
  /** a program that starts the process, with its arguments before the command: `["time", "-f", "%M"]` */
  readonly under?: readonly string[];
}

const searchPath = [process.env["PATH"] ?? "", "/usr/sbin", "/sbin", ...globSync("/usr/lib/postgresql/*/bin")].join(
  delimiter,
);

/** Absolute path of an executable in PATH, the system directories or PostgreSQL's own, or undefined. */
export function findExecutable(name: string): string | undefined {
  for (const directory of searchPath.split(delimiter)) {
    const candidate = join(directory, name);
    try {
      accessSync(candidate, constants.X_OK);
      return candidate;
    } catch {
      continue; // not in this directory
    }
  }
  return undefined;
}

/** Which code runs, and where its compiled form is: a user's home is new and empty in each suite, so that each would compile it once more. */
function passedOn(): Environment {
  const { TAGSEAL_SOURCE, NODE_COMPILE_CACHE } = process.env;
  return { TAGSEAL_SOURCE, NODE_COMPILE_CACHE };
}

function childEnvironment(env: Environment | undefined): NodeJS.ProcessEnv {
  return { PATH: searchPath, LANG: "C.UTF-8", ...passedOn(), ...env };
}

/** Runs a process to its end and never rejects for its exit code. Rejects when it cannot start or outlives `timeoutMs`. */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<Finished> {
  const { promise, resolve, reject } = Promise.withResolvers<Finished>();
  const [program = command, ...words] = [...(options.under ?? []), command, ...args];
  const child = spawn(program, words, { env: childEnvironment(options.env), cwd: options.cwd, stdio: "pipe" });
  const output = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
  child.stdout.on("data", (chunk: Buffer) => output.stdout.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => output.stderr.push(chunk));
  child.stdin.on("error", () => child.stdin.destroy()); // a process may exit without reading its input
  child.stdin.end(options.input ?? "");
  const timeoutMs = options.timeoutMs ?? 120_000;
  const timer = setTimeout(() => {
    child.kill("SIGKILL");
    reject(
      new Error(
        `${command} ${args.join(" ")}: still running after ${timeoutMs} ms\n${Buffer.concat(output.stdout).toString()}${Buffer.concat(output.stderr).toString()}`,
      ),
    );
  }, timeoutMs);
  child.on("error", (error) => {
    clearTimeout(timer);
    reject(error);
  });
  child.on("close", (code) => {
    clearTimeout(timer);
    resolve({ code, stdout: Buffer.concat(output.stdout).toString(), stderr: Buffer.concat(output.stderr).toString() });
  });
  return promise;
}

/** Like {@link run}, but an exit code other than 0 is an error that shows the whole output. */
export async function runOk(command: string, args: readonly string[], options: RunOptions = {}): Promise<Finished> {
  const finished = await run(command, args, options);
  if (finished.code !== 0)
    throw new Error(`${command} ${args.join(" ")}: exit code ${finished.code}\n${finished.stdout}${finished.stderr}`);
  return finished;
}

/** Asks the kernel for a free TCP port on 127.0.0.1. */
export function freePort(): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const server = createServer();
  server.on("error", reject);
  server.listen(0, "127.0.0.1", () => {
    const address = server.address();
    if (address === null || typeof address === "string") throw new TypeError("a TCP server has an address and a port");
    server.close(() => resolve(address.port));
  });
  return promise;
}

/** True when something accepts TCP connections on 127.0.0.1:port. */
export function portAnswers(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect({ port, host: "127.0.0.1" });
  socket.on("connect", () => resolve(true)).on("error", () => resolve(false));
  return promise.finally(() => socket.destroy());
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** How long to wait before the next look: a tenth of the wait so far. A look can cost a process or a connection, and others want the processor. */
const untilNextLook = (waitedMs: number): number => Math.min(250, Math.max(50, waitedMs / 10));

/** Repeats `check` until it answers true, at first every 50 ms; rejects, naming `what`, after `timeoutMs`. */
export async function waitUntil(
  what: string,
  check: () => Promise<boolean> | boolean,
  timeoutMs = 30_000,
): Promise<void> {
  const startedAt = Date.now();
  while (!(await check())) {
    const waitedMs = Date.now() - startedAt;
    if (waitedMs > timeoutMs) throw new Error(`${what}: not so after ${timeoutMs} ms`);
    await pause(untilNextLook(waitedMs));
  }
}

/** A process, running until it is stopped or its scope closes. */
export interface Running {
  readonly pid: number;
  /** everything it printed so far, both streams */
  log(): string;
  /** Ends it with `signal` (default SIGTERM), after 15 s with SIGKILL. Resolves with its exit code once it is gone. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
  /** resolves with the exit code (null: ended by a signal) whenever it ends */
  readonly ended: Promise<number | null>;
}

/** How to start a process that stays. */
export interface StartOptions {
  readonly env?: Environment;
  readonly cwd?: string;
  /** Polled until true; the start rejects with the process's output when it ends or 60 s pass before. */
  readonly ready: (log: () => string) => Promise<boolean> | boolean;
}

/**
 * A temporary directory and whatever was started for one suite. Close it in `after()`; what is still running when the test
 * process exits is killed and the directory removed.
 */
export class Scope {
  readonly directory: string;
  readonly #cleanups: (() => Promise<unknown> | void)[] = [];
  readonly #running = new Set<number>();
  readonly #onExit = (): void => this.#abandon();
  readonly #onSignal = (): never => process.exit(1);

  constructor(name = "suite") {
    this.directory = mkdtempSync(join(tmpdir(), `tagseal-${name}-`));
    process.on("exit", this.#onExit);
    process.on("SIGTERM", this.#onSignal);
    process.on("SIGINT", this.#onSignal);
  }

  /** Path inside the scope's directory. */
  path(...parts: readonly string[]): string {
    return join(this.directory, ...parts);
  }

  /** Runs `cleanup` when the scope closes, last registered first. */
  defer(cleanup: () => Promise<unknown> | void): void {
    this.#cleanups.push(cleanup);
  }

  /** Starts a process in its own process group and waits until it is ready. */
  async start(name: string, command: string, args: readonly string[], options: StartOptions): Promise<Running> {
    const running = this.#spawn(name, command, args, options);
    let ended = false;
    void running.ended.then(() => (ended = true));
    try {
      await waitUntil(`${name} is ready`, async () => ended || (await options.ready(() => running.log())), 60_000);
      if (ended) throw new Error(`${name} ended before it was ready`);
    } catch (error) {
      await running.stop();
      throw new Error(`${name} did not come up:\n${running.log().slice(-4000)}`, { cause: error });
    }
    return running;
  }

  #spawn(name: string, command: string, args: readonly string[], options: StartOptions): Running {
    const log = createWriteStream(this.path(`${name}-${this.#cleanups.length}.log`));
    const { env, cwd } = options;
    const child = spawn(command, args, {
      env: childEnvironment(env),
      cwd: cwd ?? this.directory,
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    const chunks: Buffer[] = [];
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk: Buffer) => {
        chunks.push(chunk);
        log.write(chunk);
      });
    }
    const { promise: ended, resolve } = Promise.withResolvers<number | null>();
    child.on("error", (error) => {
      chunks.push(Buffer.from(error.message));
      resolve(null);
    });
    child.on("exit", (code) => {
      if (child.pid !== undefined) this.#running.delete(child.pid);
      resolve(code);
    });
    // Later than "exit" where processes that it has started continue writing.
    child.on("close", () => log.end());
    const pid = child.pid ?? 0;
    if (pid !== 0) this.#running.add(pid);
    const running = {
      pid,
      ended,
      log: () => Buffer.concat(chunks).toString(),
      stop: (signal?: NodeJS.Signals) => this.#stop(pid, ended, signal),
    };
    this.defer(() => running.stop());
    return running;
  }

  async #stop(pid: number, ended: Promise<number | null>, signal: NodeJS.Signals = "SIGTERM"): Promise<number | null> {
    if (!this.#running.has(pid)) return await ended;
    process.kill(pid, signal);
    const timer = setTimeout(() => {
      if (this.#running.has(pid)) process.kill(pid, "SIGKILL");
    }, 15_000);
    return await ended.finally(() => clearTimeout(timer));
  }

  /** Stops everything in reverse order and removes the directory. Safe to call twice. */
  async close(): Promise<void> {
    for (const cleanup of this.#cleanups.splice(0).reverse()) await cleanup();
    process.off("exit", this.#onExit);
    process.off("SIGTERM", this.#onSignal);
    process.off("SIGINT", this.#onSignal);
    rmSync(this.directory, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** The test process is dying: no time to ask nicely. */
  #abandon(): void {
    for (const pid of this.#running) {
      try {
        process.kill(-pid, "SIGKILL");
      } catch {
        continue; // already gone
      }
    }
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Text of a file below a scope, for assertions. */
export function readText(path: string): string {
  return readFileSync(path, "utf8");
}
