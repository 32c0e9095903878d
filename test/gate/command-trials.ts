/** Command lines through the real command in front of docker or podman, with content trust on and a trust server that knows one image. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { delimiter, dirname } from "node:path";
import { digestHex } from "../../src/reference/digest.ts";
import { client, findExecutable, run, startTagsealServer, tagsealCommand } from "../support/peers.ts";
import type { Environment, Scope } from "../support/processes.ts";
import { commandLineOf, filesNaming, readsOnly } from "./command-lines.ts";
import type { GateEngine } from "./engines.ts";
import { type GateCase, namesOf, numberIn } from "./gate-case.ts";
import type { Subject, Trial } from "./subject.ts";

const timeoutMs = 30_000;

/**
 * Starts a trust server, signs an image, and puts Tagseal in front of the engine's command.
 *
 * @param isOpen with content trust off, to show that the judge would tell
 */
export async function startCommandTrials(scope: Scope, engine: GateEngine, isOpen: boolean): Promise<Subject> {
  const server = await startTagsealServer(scope);
  const publisher = client(scope, { server, name: "home", env: engine.env });
  const [name = ""] = namesOf(engine.judge.host, "").good;
  const { digest, size } = engine.judge.sign(name);
  const [repository = "", tag = ""] = name.split(/:(?=v1$)/u);
  await publisher.notaryOk(["init", repository, "-p"]);
  await publisher.notaryOk(["addhash", repository, tag, String(size), "--sha256", digestHex(digest), "-p"]);
  const shims = scope.path("shims");
  mkdirSync(shims);
  symlinkSync(tagsealCommand, `${shims}/${engine.kind}`);
  const real = dirname(findExecutable(engine.kind) ?? "");
  const path = [shims, real, process.env["PATH"] ?? "", "/usr/sbin"].join(delimiter);
  const env: Environment = { ...publisher.env, ...engine.env, PATH: path, DOCKER_CONTENT_TRUST: isOpen ? "0" : "1" };
  return new CommandTrials(scope, engine, env);
}

class CommandTrials implements Subject {
  readonly #scope: Scope;
  readonly #engine: GateEngine;
  readonly #env: Environment;
  readonly #onlyReading = new Set<string>();
  #numbers = 0;

  constructor(scope: Scope, engine: GateEngine, env: Environment) {
    this.#scope = scope;
    this.#engine = engine;
    this.#env = env;
  }

  nextNumber(): string {
    this.#numbers += 1;
    return `k${this.#numbers.toString(36)}k`;
  }

  make(seed: string): GateCase {
    return commandLineOf(seed, namesOf(this.#engine.judge.host, this.nextNumber()), this.#engine.kind);
  }

  async try(gateCase: GateCase): Promise<Trial> {
    const argv = gateCase.flags.flat();
    if (readsOnly.test(argv.join(" "))) this.#onlyReading.add(gateCase.number);
    const cwd = mkdtempSync(this.#scope.path("case-"));
    for (const [name, content] of filesNaming(gateCase)) writeFileSync(`${cwd}/${name}`, content);
    try {
      const options = { cwd, env: this.#env, input: gateCase.dockerfile, timeoutMs };
      const { code, stdout, stderr } = await run(`${this.#scope.path("shims")}/${this.#engine.kind}`, argv, options);
      const words = (stdout + stderr).slice(-600);
      if (/\[[A-Z_]+\]\s*$|^\[[A-Z_]+\]/mu.test(stderr)) return { outcome: "refused", words, argv };
      return { outcome: code === 0 ? "built" : "failed", words, argv };
    } catch (error) {
      return { outcome: "stuck", words: error instanceof Error ? error.message.slice(-600) : String(error), argv };
    } finally {
      rmSync(cwd, { recursive: true, force: true });
    }
  }

  takeUnsigned(): readonly string[] {
    const requests = this.#engine.judge.takeUnsigned();
    return requests.filter((request) => !this.#onlyReading.has(numberIn(request) ?? ""));
  }

  get asked(): number {
    return this.#engine.judge.asked;
  }
}
