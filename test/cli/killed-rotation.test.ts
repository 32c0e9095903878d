/**
 * Rotations and renewals that kill -9 ends: the repository is before or after, its keys sign, and the same command finishes. `npm run soak -- kill`
 * tries every moment.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { startEvilTrustServer, type EvilTrustServer } from "../support/evil-trust-server.ts";
import type { Moment } from "../support/killed-command.ts";
import { killedCommands, type KilledCommandName, surviveKill } from "../support/killed-rotation.ts";
import { missingPeers, Scope } from "../support/peers.ts";

const moments: readonly Moment[] = [
  { kind: "published", number: 1 },
  { kind: "change", number: 3 },
];
const more: Readonly<Partial<Record<KilledCommandName, readonly Moment[]>>> = {
  "rotation of root": [{ kind: "publishing", number: 1 }],
};

describe("a command that is killed", { skip: missingPeers(["openssl"]) }, () => {
  const scope = new Scope("killed");
  let server: EvilTrustServer;
  before(async () => {
    server = await startEvilTrustServer(scope);
  });
  after(async () => await scope.close());

  for (const name of Object.keys(killedCommands) as KilledCommandName[]) {
    for (const moment of [...moments, ...(more[name] ?? [])]) {
      it(`${name}: at ${moment.kind} ${moment.number}`, async () => {
        assert.ok(await surviveKill(name, moment, { scope, server }), "it was killed");
      });
    }
  }
});
