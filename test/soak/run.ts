/**
 * `npm run soak`: the long forms of what the test suite does briefly. Properties with many inputs, publishers racing at full
 * size, a server killed over and over, rotations killed in every step, replicas whose databases and nodes die, Dockerfiles made to smuggle an
 * unsigned image past `build`.
 * Parts can be named: `npm run soak -- fuzz publishers crash kill replicas gate day`.
 */
import { spawnSync } from "node:child_process";
import { resolve } from "node:path";
import { engineNames, missingFor } from "../gate/engines.ts";
import { liveThroughDay } from "../day/day.ts";
import { fuzzGate } from "../gate/fuzzing.ts";
import { pullFromKilledGateway } from "../support/killed-gateway.ts";
import { crashLoop } from "../support/crash-loop.ts";
import { startEvilTrustServer } from "../support/evil-trust-server.ts";
import type { Moment } from "../support/killed-command.ts";
import { killedRecoveries, type KilledRecoveryName, surviveKilledRecovery } from "../support/killed-recovery.ts";
import { killedCommands, type KilledCommandName, surviveKill } from "../support/killed-rotation.ts";
import { Scope, writeLayout } from "../support/peers.ts";
import { racePublishers } from "../support/publishers.ts";
import { startSandbox } from "../support/sandbox.ts";

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Every property of every layer. @returns true when all held */
function fuzz(): boolean {
  const runs = process.env["TAGSEAL_FUZZ_RUNS"] ?? "20000";
  say(`fuzz: ${runs} runs of each`);
  const env = { ...process.env, TAGSEAL_FUZZ_RUNS: runs };
  const runner = resolve(import.meta.dirname, "../run.ts");
  const layers = ["src/encoding", "src/crypto", "src/tuf", "src/reference", "src/registry", "src/keys"];
  return spawnSync(process.execPath, [runner, ...layers], { env, stdio: "inherit" }).status === 0;
}

/** 8 publishers × 25 tags on one repository: all 200 must succeed and be there. */
async function publishers(): Promise<boolean> {
  await using scope = new Scope("soak");
  const sandbox = await startSandbox(scope);
  const image = await writeLayout(scope.path("image"), "soak");
  let good = true;
  for (const directories of ["own", "shared"] as const) {
    const options = { publishers: 8, tagsEach: 25, directories };
    const startedAt = performance.now();
    const race = await racePublishers(scope, sandbox, image.directory, `soak/${directories}`, options);
    const seconds = (performance.now() - startedAt) / 1000;
    const kept = race.acknowledged.filter((tag) => race.signed.get(tag) === race.digest).length;
    say(`publishers, ${directories} directories: ${kept} of 200 signed and kept, ${seconds.toFixed(0)} s`);
    for (const failure of race.failures.slice(0, 5)) say(`    ${failure}`);
    good &&= kept === 200 && race.failures.length === 0;
  }
  return good;
}

async function crash(): Promise<boolean> {
  await using scope = new Scope("soak");
  const image = await writeLayout(scope.path("image"), "soak");
  const rounds = Number(process.env["TAGSEAL_CRASH_ROUNDS"] ?? 40);
  const { acknowledged, found } = await crashLoop(scope, image, rounds, 3000);
  const lost = [...acknowledged].filter((tag) => !found.has(tag));
  say(`crash: killed ${rounds} times, ${acknowledged.size} publishes acknowledged, ${lost.length} lost`);
  return lost.length === 0;
}

/**
 * Rotations, a renewal and recoveries, each killed at every request, every answer and every change of a file. `TAGSEAL_KILL_ONLY=renewal` names
 * which, several with `;`.
 *
 * @returns true when all held
 */
async function kill(): Promise<boolean> {
  await using scope = new Scope("soak");
  const server = await startEvilTrustServer(scope);
  const place = { scope, server };
  const only = process.env["TAGSEAL_KILL_ONLY"]?.split(";");
  const stories: [string, (moment: Moment) => Promise<boolean>][] = [
    ...(Object.keys(killedCommands) as KilledCommandName[]).map(
      (name) => [name, (moment: Moment) => surviveKill(name, moment, place)] satisfies [string, unknown],
    ),
    ...(Object.keys(killedRecoveries) as KilledRecoveryName[]).map(
      (name) => [name, (moment: Moment) => surviveKilledRecovery(name, moment, place)] satisfies [string, unknown],
    ),
  ];
  let good = true;
  for (const [name, survive] of stories.filter(([story]) => only?.includes(story) ?? true)) {
    for (const kind of ["request", "answer", "change"] as const) {
      let number = 1;
      try {
        while (await survive({ kind, number })) number += 1;
      } catch (error) {
        good = false;
        say(`    ${name}, ${kind} ${number}: ${error instanceof Error ? error.stack : String(error)}`);
      }
      say(`kill: ${name}: killed at ${number - 1} moments of the kind ${kind}`);
    }
  }
  return good;
}

/** The stories of several servers on one database, for a minute each instead of seconds. @returns true when all held */
function replicas(): boolean {
  const seconds = process.env["TAGSEAL_REPLICA_SECONDS"] ?? "60";
  say(`replicas: ${seconds} s of each story`);
  const env = { ...process.env, TAGSEAL_REPLICA_SECONDS: seconds };
  const runner = resolve(import.meta.dirname, "../run.ts");
  const suites = ["test/server/replicas.test.ts", "test/server/galera.test.ts", "test/server/galera-partition.test.ts"];
  return spawnSync(process.execPath, [runner, ...suites], { env, stdio: "inherit" }).status === 0;
}

/**
 * Builds and command lines under content trust with every engine of this machine, all at once. `TAGSEAL_GATE_SECONDS` says how long,
 * `TAGSEAL_GATE_SEED` with which cases, `TAGSEAL_GATE_ENGINES=podman,classic` with which engines (`TAGSEAL_GATE_PODMAN` is another podman,
 * or buildah); `TAGSEAL_GATE_CASE=SEED` tries again what a report named.
 *
 * @returns true when no engine asked for an unsigned image
 */
async function gate(): Promise<boolean> {
  const { env } = process;
  const wanted = env["TAGSEAL_GATE_ENGINES"]?.split(",");
  const seconds = Number(env["TAGSEAL_GATE_SECONDS"] ?? 3600);
  const seed = env["TAGSEAL_GATE_SEED"] ?? "soak";
  const only = env["TAGSEAL_GATE_CASE"];
  const reports = engineNames.map(async (engine) => {
    const isWanted = wanted?.includes(engine) ?? true;
    const missing = isWanted ? missingFor(engine) : "not asked for";
    if (missing !== false) {
      say(`gate, ${engine}: ${missing}`);
      return 0;
    }
    const options = { engine, seed, seconds, tell: say, ...(only === undefined ? {} : { only }) };
    const { cases, counts, manifests, findings } = await fuzzGate(options);
    const told = Object.entries(counts).map(([outcome, count]) => `${count} ${outcome}`);
    say(
      `gate, ${engine}: ${cases} cases, ${told.join(", ")}; ${manifests} images asked for; ${findings.length} findings`,
    );
    return findings.length;
  });
  return (await Promise.all(reports)).every((findings) => findings === 0);
}

/**
 * A day of a platform with disasters. `TAGSEAL_DAY_SECONDS` says how long (each disaster comes once at least), `TAGSEAL_DAY_ONLY=clock,database`
 * which disasters.
 *
 * @returns true when no reader was refused, nothing acknowledged was lost, and every disaster showed and ended
 */
async function day(): Promise<boolean> {
  const seconds = Number(process.env["TAGSEAL_DAY_SECONDS"] ?? 3600);
  const { book, lost, unnoticed, disasters } = await liveThroughDay({
    seconds,
    tell: say,
    only: process.env["TAGSEAL_DAY_ONLY"]?.split(","),
  });
  const reads = Object.entries(book.reads).map(([name, count]) => `${count} by ${name}`);
  const kept = [...book.acknowledged.values()].reduce((sum, tags) => sum + tags.size, 0);
  say(`day: ${disasters} disasters; reads: ${reads.join(", ")}, ${book.refusedReaders.length} refused`);
  say(`day: ${kept} publications acknowledged, ${lost.length} lost, ${book.failedPublications} not acknowledged`);
  for (const line of [...book.refusedReaders.slice(0, 5), ...lost.slice(0, 5), ...unnoticed]) say(`    ${line}`);
  return book.refusedReaders.length + lost.length + unnoticed.length === 0;
}

/** A gateway that is killed again and again under load; `TAGSEAL_GATEWAY_SECONDS` says how long. @returns true when no answer was wrong */
async function gateway(): Promise<boolean> {
  await using scope = new Scope("soak");
  const seconds = Number(process.env["TAGSEAL_GATEWAY_SECONDS"] ?? 300);
  const { kills, signed, pulled, unanswered, wrong } = await pullFromKilledGateway(scope, seconds, 6);
  say(
    `gateway: killed ${kills} times, ${signed} signed, ${pulled} pulls, ${unanswered} unanswered, ${wrong.length} wrong`,
  );
  for (const line of wrong.slice(0, 5)) say(`    ${line}`);
  return wrong.length === 0 && pulled > 0;
}

const parts: Readonly<Record<string, () => boolean | Promise<boolean>>> = {
  fuzz,
  publishers,
  crash,
  kill,
  replicas,
  gate,
  gateway,
  day,
};
const words = process.argv.slice(2);
for (const [name, part] of Object.entries(parts)) {
  if (words.length > 0 && !words.includes(name)) continue;
  if (!(await part())) process.exitCode = 1;
}
