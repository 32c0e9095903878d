/**
 * docker 28 and Tagseal in docker's place, doing the same thing on equal fresh state. Each side has separate repositories with the
 * same content and a new user for every operation; what cannot be equal (names of the sides, ports, IDs, times) is made so.
 */
import { trustOff, trustOn } from "./docker-words.ts";
import { shimNamed, startFrontWorld, type FrontWorld, type Shim } from "./front-world.ts";
import type { Client } from "./clients.ts";
import type { Environment, Finished, Scope } from "./processes.ts";

/** The two. `path` is the first part of the side's repositories. */
export interface Side {
  readonly name: "docker" | "tagseal";
  /** `localhost:5000/side-a`: what the side's repositories begin with */
  readonly prefix: string;
  /** has the repository keys of `app` */
  readonly publisher: Client;
}

/** One operation, the same for both sides but for the names in it. */
export interface Operation {
  readonly args: (side: Side) => readonly string[];
  /** default: a new user without keys or memory */
  readonly as?: "publisher" | "newcomer";
  /** done first, by docker 28 without trust unless it says otherwise */
  readonly prepare?: (side: Side, user: Client) => Promise<unknown>;
  readonly env?: Environment;
  readonly input?: (side: Side) => string | Uint8Array;
  readonly cwd?: (side: Side) => string;
}

/** What each side did, made comparable. */
export interface SideBySide {
  readonly docker: Finished;
  readonly tagseal: Finished;
}

/** A world with both sides, `app:v1` and `app:v2` signed, `app:unsigned` not, and `none:v1` in an unsigned repository. */
export interface TwoSides {
  readonly world: FrontWorld;
  readonly sides: readonly Side[];
  /** Runs the operation by docker, then by Tagseal. */
  compare(operation: Operation): Promise<SideBySide>;
  /** Runs it on one side; the output is as it was printed. */
  alone(side: Side["name"], operation: Operation): Promise<Finished>;
  side(name: Side["name"]): Side;
}

/** Starts the world and publishes the same images on both sides, with docker 28. */
export async function startTwoSides(scope: Scope): Promise<TwoSides> {
  const world = await startFrontWorld(scope);
  const shim = shimNamed("docker", scope);
  const sides: Side[] = [];
  for (const [name, path] of [
    ["docker", "side-a"],
    ["tagseal", "side-b"],
  ] as const) {
    const side = { name, prefix: `${world.registry.host}/${path}`, publisher: world.user(`${path}-publisher`) };
    await publishAll(world, side);
    sides.push(side);
  }
  let count = 0;
  const alone = async (side: Side, operation: Operation): Promise<Finished> => {
    await world.forgetBelow(`${side.prefix}/`);
    count += 1;
    const user = operation.as === "publisher" ? side.publisher : world.user(`${side.name}-${count}`);
    await operation.prepare?.(side, user);
    return await perform(side, operation, user, shim);
  };
  const side = (name: Side["name"]): Side => sides.find((found) => found.name === name) as Side;
  return {
    world,
    sides,
    side,
    alone: (name, operation) => alone(side(name), operation),
    async compare(operation) {
      const docker = comparable(await alone(side("docker"), operation), world);
      const tagseal = comparable(await alone(side("tagseal"), operation), world);
      return { docker, tagseal };
    },
  };
}

async function publishAll(world: FrontWorld, { prefix, publisher }: Side): Promise<void> {
  await world.publish(publisher, "one", `${prefix}/app:v1`);
  await world.publish(publisher, "two", `${prefix}/app:v2`);
  await world.publish(publisher, "two", `${prefix}/app:unsigned`, "unsigned");
  await world.publish(publisher, "one", `${prefix}/none:v1`, "unsigned");
}

async function perform(side: Side, operation: Operation, user: Client, shim: Shim): Promise<Finished> {
  const args = operation.args(side);
  const env = { ...trustOn, ...operation.env };
  const input = operation.input?.(side);
  const cwd = operation.cwd?.(side);
  const options = { env, ...(input === undefined ? {} : { input }), ...(cwd === undefined ? {} : { cwd }) };
  return side.name === "docker" ? await user.docker(args, options) : await shim.run(user, args, options);
}

/** Trust off for docker itself, in what an operation prepares. */
export const untrusted = { env: trustOff };

/** Takes out of a session what differs from one run to the next although the same happened. */
export function comparable(finished: Finished, { registry, server, scope }: FrontWorld): Finished {
  const ids = new Map<string, string>();
  const numbered = (id: string): string => {
    const known = ids.get(id) ?? `<id ${ids.size + 1}>`;
    ids.set(id, known);
    return known;
  };
  const text = (from: string): string =>
    from
      .replaceAll(registry.host, "REGISTRY")
      .replaceAll(`localhost:${server.port}`, "SERVER")
      .replaceAll(scope.directory, "SCOPE")
      .replaceAll(/side-[ab]/gu, "side")
      .replaceAll(/(?<![0-9a-f])(?:sha256:)?[0-9a-f]{64}(?![0-9a-f])/gu, numbered)
      .replaceAll(/(?<![0-9a-f])[0-9a-f]{12}(?![0-9a-f])/gu, numbered)
      .replaceAll(/: (?:Mounted from \S+|Layer already exists|Pushed)$/gmu, ": Done")
      .replaceAll(/^time="[^"]+"/gmu, 'time="…"');
  // IDs are numbered over both streams in the order stdout, stderr.
  return { code: finished.code, stdout: text(finished.stdout), stderr: text(finished.stderr) };
}

/** What Tagseal says at standard error about a repository that a command creates. */
export const newRepository = /^Created a new repository: .*\n(?: {2}.*\n){3}/mu;

/** The session without the lines that only Tagseal prints: a repository that is new, what to do, and the code. */
export function withoutHints({ code, stdout, stderr }: Finished): Finished {
  const left = stderr
    .replace(newRepository, "")
    .replaceAll(/^hint: .*\n/gmu, "")
    .replaceAll(/^\[[A-Z_]+\]\n/gmu, "");
  return { code, stdout, stderr: left };
}
