/** A day of a platform: people publish and read all the time, disasters come one after another, and the book records the outcome. */
import { Scope } from "../support/processes.ts";
import { disasters, happen, type Disaster } from "./disasters.ts";
import { People, type DayBook } from "./people.ts";
import { startWorld } from "./world.ts";

/** How long, and who is told. */
export interface DayOptions {
  /** new rounds of disasters begin until then; each disaster comes once at least */
  readonly seconds: number;
  readonly tell: (line: string) => void;
  readonly only?: readonly string[] | undefined;
  /** how many times longer than the busiest people everybody pauses; default 1 */
  readonly rest?: number;
}

/** What became of it. */
export interface DayReport {
  readonly book: DayBook;
  /** acknowledged tags that are missing in the evening */
  readonly lost: readonly string[];
  /** disasters that did not show, or did not end */
  readonly unnoticed: readonly string[];
  readonly disasters: number;
}

/** Lives through one day. */
export async function liveThroughDay({ seconds, tell, only, rest = 1 }: DayOptions): Promise<DayReport> {
  await using scope = new Scope("day");
  const world = await startWorld(scope);
  const people = await People.arrive(world, rest);
  const until = performance.now() + seconds * 1000;
  const unnoticed: string[] = [];
  let count = 0;
  people.begin();
  for (let round = 1; round === 1 || performance.now() < until; round += 1) {
    for (const disaster of inOrder(round, only)) {
      if (round > 1 && performance.now() > until) break;
      count += 1;
      const startedAt = performance.now();
      await happen(disaster, world, people).catch((error: unknown) => {
        unnoticed.push(`${disaster.name}: ${String(error)}`);
        tell(unnoticed.at(-1) ?? "");
        for (const { url, log } of world.servers) tell(`the last lines of ${url}:\n${log.slice(-2000)}`);
      });
      tell(`${disaster.name}: over after ${((performance.now() - startedAt) / 1000).toFixed(0)} s`);
    }
  }
  await people.end();
  return { book: people.book, lost: await people.lost(), unnoticed, disasters: count };
}

/** As they are listed at first, and by chance from then on. */
function inOrder(round: number, only: readonly string[] | undefined): Disaster[] {
  const wanted = disasters.filter(({ name }) => only?.some((word) => name.includes(word)) ?? true);
  if (round === 1) return wanted;
  const shuffled = wanted.map((disaster) => ({ disaster, at: Math.random() }));
  return shuffled.sort((a, b) => a.at - b.at).map(({ disaster }) => disaster);
}
