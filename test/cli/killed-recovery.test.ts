/**
 * Recoveries that kill -9 ends: the repository is before or after, or deleted and remembered, and the same command finishes. `npm run soak -- kill`
 * tries every moment.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { startEvilTrustServer, type EvilTrustServer } from "../support/evil-trust-server.ts";
import type { Moment } from "../support/killed-command.ts";
import { killedRecoveries, type KilledRecoveryName, surviveKilledRecovery } from "../support/killed-recovery.ts";
import { missingPeers, Scope } from "../support/peers.ts";

/** `publishing` and `deleting` are after the first key was written. */
const moments: Readonly<Record<KilledRecoveryName, readonly Moment["kind"][]>> = {
  "root lost, with a spare": ["publishing"],
  "root lost, without a spare": ["deleting", "deleted", "published"],
  "root leaked": ["published"],
  "root leaked, of all repositories": ["published"],
  "repository key lost": ["published"],
  "repository key lost, with another key": ["published"],
  "repository key leaked": ["publishing"],
  "snapshot key lost": ["published"],
  "key of a signer lost": ["publishing"],
  "key of a signer leaked": ["published"],
};

describe("a recovery that is killed", { skip: missingPeers(["openssl"]) }, () => {
  const scope = new Scope("killed-recovery");
  let server: EvilTrustServer;
  before(async () => {
    server = await startEvilTrustServer(scope);
  });
  after(async () => await scope.close());

  for (const name of Object.keys(killedRecoveries) as KilledRecoveryName[]) {
    for (const kind of moments[name]) {
      it(`${name}: at ${kind}`, async () => {
        assert.ok(await surviveKilledRecovery(name, { kind, number: 1 }, { scope, server }), "it was killed");
      });
    }
  }
});
