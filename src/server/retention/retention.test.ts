import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { FileVersion } from "../storage/stored-file.ts";
import { forgettable, keptByAge, type SnapshotEntries } from "./retention.ts";

const dayMs = 86_400_000;
const keepMs = 30 * dayMs;

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** A collection as a server stores it: every publication makes a snapshot and a timestamp that name what was current then. */
class History {
  versions: FileVersion[] = [];
  readonly #entries = new Map<number, SnapshotEntries>();
  /** what became current when: names of files as `role version` */
  readonly sets: { readonly from: Date; readonly files: readonly string[] }[] = [];

  publish(roles: readonly string[], createdAt: Date): void {
    for (const role of roles) this.#add(role, createdAt);
    const listed = ["root", "targets", "targets/releases"].flatMap((role) => this.newest(role) ?? []);
    const snapshot = this.#add("snapshot", createdAt);
    const hash = (hex: string) => ({ hashes: new Map([["sha256", Buffer.from(hex, "hex")]]) });
    this.#entries.set(snapshot.version, new Map(listed.map((file) => [file.role, hash(file.sha256)])));
    this.#become(listed, snapshot, this.#add("timestamp", createdAt));
  }

  renew(createdAt: Date): void {
    const before = this.sets.at(-1)?.files.filter((name) => !name.startsWith("timestamp")) ?? [];
    this.sets.push({ from: createdAt, files: [...before, nameOf(this.#add("timestamp", createdAt))] });
  }

  /** Prunes as the server does, and returns what was removed. */
  prune(now: Date): FileVersion[] {
    const policy = { now, keepMs };
    const kept = keptByAge(this.versions, policy).filter(({ role }) => role === "snapshot");
    const doomed = forgettable(
      this.versions,
      kept.flatMap(({ version }) => this.#entries.get(version) ?? []),
      policy,
    );
    this.versions = this.versions.filter((file) => !doomed.includes(file));
    return doomed;
  }

  newest(role: string): FileVersion | undefined {
    return this.versions.findLast((file) => file.role === role);
  }

  #add(role: string, createdAt: Date): FileVersion {
    const version = (this.newest(role)?.version ?? 0) + 1;
    const file = { role, version, sha256: sha256(`${role} ${version}`), length: 100, createdAt };
    this.versions.push(file);
    return file;
  }

  #become(listed: readonly FileVersion[], ...own: readonly FileVersion[]): void {
    const from = own[0]?.createdAt ?? new Date(0);
    this.sets.push({ from, files: [...listed, ...own].map(nameOf) });
  }
}

function nameOf({ role, version }: FileVersion): string {
  return `${role} ${version}`;
}

const start = new Date("2026-01-01T00:00:00Z").getTime();
const event = fc.record({
  afterHours: fc.oneof(fc.integer({ min: 0, max: 48 }), fc.integer({ min: 0, max: 2000 })),
  kind: fc.constantFrom("targets", "targets/releases", "root", "nothing", "renewal", "prune"),
});

function play(events: readonly { afterHours: number; kind: string }[]): { history: History; now: Date } {
  const history = new History();
  let ms = start;
  history.publish(["root", "targets"], new Date(ms));
  for (const { afterHours, kind } of events) {
    ms += afterHours * 3_600_000;
    if (kind === "prune") history.prune(new Date(ms));
    else if (kind === "renewal") history.renew(new Date(ms));
    else history.publish(kind === "nothing" ? [] : [kind], new Date(ms));
  }
  return { history, now: new Date(ms) };
}

describe("pruning", () => {
  it("I3: keeps everything that was current at any moment of the last days, every root, and every role's newest file", () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), fc.integer({ min: 0, max: 2000 }), (events, hours) => {
        const { history, now } = play(events);
        const roles = [...new Set(history.versions.map(({ role }) => role))];
        const newest = roles.map((role) => history.newest(role));
        const roots = history.newest("root")?.version ?? 0;
        const later = new Date(now.getTime() + hours * 3_600_000);
        history.prune(later);
        const left = new Set(history.versions.map(nameOf));
        for (const [index, { files }] of history.sets.entries()) {
          const until = history.sets[index + 1]?.from ?? later;
          if (until.getTime() < later.getTime() - keepMs) continue;
          for (const name of files) assert.ok(left.has(name), `${name} is needed`);
        }
        for (let version = 1; version <= roots; version += 1) assert.ok(left.has(`root ${version}`));
        for (const file of newest) assert.ok(file !== undefined && left.has(nameOf(file)));
      }),
    );
  });

  it("removes everything else: what remains does not grow over the years", () => {
    const history = new History();
    for (let hour = 0; hour < 24 * 100; hour += 6) {
      history.publish(hour === 0 ? ["root", "targets"] : ["targets"], new Date(start + hour * 3_600_000));
    }
    const before = history.versions.length;
    const doomed = history.prune(new Date(start + 100 * dayMs));
    assert.equal(history.versions.length, before - doomed.length);
    // a root, and three files for each publication of the last 30 days and the one that was current when they began
    assert.equal(history.versions.length, 1 + 3 * (30 * 4 + 1));
    assert.deepEqual(history.prune(new Date(start + 100 * dayMs)), []);
  });

  it("counts the age of a file from when it was replaced, not from when it was made", () => {
    const history = new History();
    history.publish(["root", "targets"], new Date(start));
    history.publish(["targets"], new Date(start + 400 * dayMs));
    assert.deepEqual(history.prune(new Date(start + 429 * dayMs)), []);
    assert.deepEqual(
      history
        .prune(new Date(start + 431 * dayMs))
        .map(nameOf)
        .sort(),
      ["snapshot 1", "targets 1", "timestamp 1"],
    );
  });

  it("keeps a file of an unchanged role as long as a kept snapshot names it", () => {
    const history = new History();
    history.publish(["root", "targets", "targets/releases"], new Date(start));
    for (let day = 1; day < 200; day += 1) history.publish(["targets"], new Date(start + day * dayMs));
    history.prune(new Date(start + 200 * dayMs));
    assert.ok(history.versions.some((file) => nameOf(file) === "targets/releases 1"));
  });

  it("is not misled by a clock that was set back", () => {
    const history = new History();
    history.publish(["root", "targets"], new Date(start + 100 * dayMs));
    history.publish(["targets"], new Date(start));
    assert.deepEqual(history.prune(new Date(start + 101 * dayMs)), []);
  });
});
