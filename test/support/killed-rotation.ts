/** Rotations and renewals that are killed, and what must hold afterwards. */
import assert from "node:assert/strict";
import { signTags } from "../../src/trust/publishing/sign.ts";
import { tagOf } from "../trust/trust-story.ts";
import type { EvilTrustServer } from "./evil-trust-server.ts";
import { killedAt, type Moment } from "./killed-command.ts";
import { KilledPublisher } from "./killed-publisher.ts";
import type { Scope } from "./processes.ts";

/** The commands that are killed, by name, and the role whose keys they replace. */
export const killedCommands = {
  "rotation of root": { role: "root", argv: (gun: string) => ["trust", "key", "rotate", "--remove-old", gun, "root"] },
  "rotation of targets": {
    role: "targets",
    argv: (gun: string) => ["trust", "key", "rotate", "--remove-old", gun, "targets"],
  },
  "rotation of the snapshot": {
    role: "snapshot",
    argv: (gun: string) => ["trust", "key", "rotate", "--remove-old", "--publisher-managed", gun, "snapshot"],
  },
  "rotation of a signer": {
    role: "targets/alice",
    argv: (gun: string) => ["trust", "key", "rotate", "--remove-old", gun, "alice"],
  },
  renewal: { role: undefined, argv: (gun: string) => ["trust", "renew", gun] },
} as const;

/** The name of a command that is killed. */
export type KilledCommandName = keyof typeof killedCommands;

/**
 * Kills a command at a moment, and shows that the repository is before or after it and usable, and that the command, run again, finishes.
 *
 * @returns false when the command ended before the moment came
 */
export async function surviveKill(
  name: KilledCommandName,
  moment: Moment,
  { scope, server }: { readonly scope: Scope; readonly server: EvilTrustServer },
): Promise<boolean> {
  const publisher = new KilledPublisher(scope, server);
  await publisher.publish();
  const { gun, user, keys } = publisher;
  const { role, argv } = killedCommands[name];
  const rotated = role ?? "targets";
  const before = await publisher.keysOf(rotated);
  const kept = await keys.list();
  const { directories } = publisher;
  const wasKilled = await killedAt(moment, argv(gun), { server, env: user.env, directories });
  const where = `${name}, killed at ${moment.kind} ${moment.number}`;

  await publisher.reads("v1");
  const between = await publisher.keysOf(rotated);
  assert.equal(between.length, 1, where);
  // Without the record of it the rotation had ended, and a second run is another one.
  const isToBeFinished = between[0] !== before[0] && publisher.remembersRotation;
  if (wasKilled) {
    assert.ok((await keys.list()).length <= kept.length + 1, `${where}: one new key at most`);
    await publisher.as("owner", (context) => signTags(context, [tagOf("v2")]));
    await publisher.reads("v2");
    await publisher.runOk(argv(gun));
  }
  const after = await publisher.keysOf(rotated);
  assert.equal(after.length, 1, where);
  assert.equal(after[0] === before[0], role === undefined, `${where}: the key is another one now`);
  if (isToBeFinished && wasKilled)
    assert.equal(after[0], between[0], `${where}: what was published is finished, not repeated`);
  assert.equal((await keys.list()).length, kept.length, `${where}: the new key in the place of the old one`);
  await publisher.as("owner", (context) => signTags(context, [tagOf("v3")]));
  await publisher.reads("v3");
  return wasKilled;
}
