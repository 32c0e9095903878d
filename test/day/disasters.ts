/**
 * What happens to the platform during the day. Each disaster takes its time, then is over; meanwhile something must show it, within a minute:
 * a fault that the servers name on `/_tagseal/ready` and `/metrics`, or a line of the log.
 */
import { appendFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as after } from "node:timers/promises";
import { runOk, waitUntil } from "../support/processes.ts";
import type { People } from "./people.ts";
import { databaseName, type DayServer, type World } from "./world.ts";

/** One thing that goes wrong. */
export interface Disaster {
  readonly name: string;
  readonly strike: (world: World, people: People) => Promise<void>;
}

const showsWithinMs = 60_000;
const wellWithinMs = 90_000;
/** how long it stays as it is once it shows, so that all people have met it */
const lastsMs = 6000;

/** Waits until any of the servers says what is wrong, and fails the day if none does within a minute. */
async function shows(servers: readonly DayServer[], what: string, pattern: RegExp): Promise<void> {
  await untilFaults(`${what} shows`, servers, (faults) => faults.some((text) => pattern.test(text)), showsWithinMs);
}

/** Waits until all servers are ready, with nothing to complain of. */
async function allWell({ servers }: World): Promise<void> {
  const areWell = (faults: readonly string[]): boolean => faults.every((text) => text.includes('"ready"'));
  await untilFaults("all is well again", servers, areWell, wellWithinMs);
}

async function untilFaults(
  what: string,
  servers: readonly DayServer[],
  isSo: (faults: readonly string[]) => boolean,
  timeoutMs: number,
): Promise<void> {
  let faults: readonly string[] = [];
  const look = async (): Promise<boolean> =>
    isSo((faults = await Promise.all(servers.map((server) => server.faults()))));
  await waitUntil(what, look, timeoutMs).catch((cause: unknown) => {
    throw new Error(`${what}: not so in time; the servers say ${faults.join(" and ")}`, { cause });
  });
}

const databaseIsAway = /"store":|part="store/u;

const databaseDies: Disaster = {
  name: "the database is killed",
  strike: async (world) => {
    await world.database.stop("SIGKILL");
    await shows(world.servers, "a dead database", databaseIsAway);
    await after(lastsMs);
    await world.database.start();
  },
};

const databaseHangs: Disaster = {
  name: "the database hangs",
  strike: async (world) => {
    world.database.hang();
    try {
      await shows(world.servers, "a hanging database", databaseIsAway);
      await after(lastsMs);
    } finally {
      world.database.goOn();
    }
  },
};

const serverDies: Disaster = {
  name: "a server is killed",
  strike: async ({ servers: [first] }) => {
    await first?.stop("SIGKILL");
    await after(lastsMs);
    await first?.start();
  },
};

const signerDies: Disaster = {
  name: "the signer is killed",
  strike: async (world) => {
    await world.signer.stop("SIGKILL");
    await shows(world.servers, "a dead signer", /"signer":|part="signer/u);
    await after(lastsMs);
    await world.signer.start();
  },
};

const signersDiskFills: Disaster = {
  name: "the signer's disk is full",
  strike: async (world) => {
    const ballast = join(world.signer.data, "ballast");
    fill(ballast);
    try {
      await shows(world.servers, "a full disk", /"signer":|part="signer/u);
      await after(lastsMs);
    } finally {
      rmSync(ballast);
    }
  },
};

/** A clock that is wrong for a moment, by far. */
function clockJumps(offset: string): Disaster {
  return {
    name: `a clock jumps, ${offset}`,
    strike: async (world) => {
      const [first] = world.servers;
      first?.setClock(offset);
      try {
        await shows(world.servers, "a wrong clock", /"clock":|part="clock/u);
        await after(lastsMs);
      } finally {
        first?.setClock("+0");
      }
    },
  };
}

const certificateIsExchanged: Disaster = {
  name: "a certificate is exchanged",
  strike: async (world) => {
    for (const server of world.servers) {
      const before = await server.fingerprint();
      await server.renewCertificate();
      const isNew = async (): Promise<boolean> => (await server.fingerprint()) !== before;
      await waitUntil("the new certificate is shown", isNew, showsWithinMs);
    }
  },
};

const certificateBreaks: Disaster = {
  name: "a certificate breaks",
  strike: async (world) => {
    const [first] = world.servers;
    if (first === undefined) return;
    const { certFile } = first.tls;
    const good = readFileSync(certFile);
    writeFileSync(certFile, "not a certificate");
    try {
      await shows(world.servers, "a broken certificate", /"server_certificate":/u);
      await after(lastsMs);
    } finally {
      writeFileSync(certFile, good);
    }
  },
};

/** The database comes back as it was some publications ago, and what people remember brings the rest back, as the runbook says. */
const backupIsRestored: Disaster = {
  name: "a backup is restored",
  strike: async (world, people) => {
    const backup = world.scope.path("backup.sql");
    const startedAt = Date.now();
    await runOk("pg_dump", ["--dbname", world.databaseUrl, "--file", backup]);
    await after(lastsMs);
    await people.whileNobodyIsServed(() => world.door.close());
    for (const server of world.servers) await server.stop();
    await world.database.sql("postgres", `drop database ${databaseName}`);
    await world.database.create(databaseName, "");
    await runOk("psql", ["--quiet", "--dbname", world.databaseUrl, "--file", backup]);
    for (const server of world.servers) await server.start();
    const age = `${Math.ceil((Date.now() - startedAt) / 1000)}s`;
    await people.bringBack(world.servers[0]);
    await world.raise(age);
    world.door.open();
  },
};

/** The disasters of a day, in the order in which the first round has them. */
export const disasters: readonly Disaster[] = [
  databaseDies,
  serverDies,
  databaseHangs,
  signerDies,
  signersDiskFills,
  clockJumps("+400d"),
  clockJumps("-3d"),
  certificateIsExchanged,
  certificateBreaks,
  backupIsRestored,
];

/** Lets one happen, and waits until all is well again. */
export async function happen(disaster: Disaster, world: World, people: People): Promise<void> {
  await disaster.strike(world, people);
  await allWell(world);
}

function fill(path: string): void {
  try {
    for (;;) appendFileSync(path, Buffer.alloc(65_536));
  } catch {
    return; // no space left: as it was wanted
  }
}
