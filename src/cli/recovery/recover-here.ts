/** `trust recover`: plans, shows what readers will see, asks, and repairs or rehearses. */
import { UsageError } from "../../errors.ts";
import type { PassphraseSource } from "../../keys/passphrase.ts";
import type { Accident, AccidentPlan } from "../../trust/accidents/accident.ts";
import type { TrustContext } from "../../trust/trust-context.ts";
import type { TrustedCollection } from "../../tuf/trusted-collection.ts";
import type { Io } from "../io.ts";
import { withTrust, type TrustSettings } from "../open/trust.ts";
import { imageArgument } from "../options/image.ts";
import { forEachRepository } from "../output/for-each-repository.ts";
import { hasWork, observationText, planJson, planText, resultJson, resultsText } from "../output/recovery-report.ts";
import { tellTrustEvents } from "../output/trust-events.ts";
import { OpenedRecovery, type RecoveryKeyFlags } from "./opened-recovery.ts";

/** What the command line asks for. */
export interface WantedRecovery {
  readonly names: readonly string[];
  readonly accidents: readonly Accident[];
  readonly flags: RecoveryKeyFlags;
  /** canonical */
  readonly replace: readonly string[];
  readonly withoutSpare: boolean;
  readonly rehearse: boolean;
  readonly yes: boolean;
  readonly json: boolean;
  readonly passphrases: PassphraseSource;
}

interface Planned {
  readonly plan: AccidentPlan;
  readonly collection: TrustedCollection;
}

/** Recovers one repository after another. @returns the exit status */
export async function recoverHere(wanted: WantedRecovery, io: Io): Promise<number> {
  const opened = await OpenedRecovery.open(io, wanted.flags, wanted.passphrases);
  const plans = new Map<string, Planned | { readonly error: unknown }>();
  for (const name of wanted.names) plans.set(name, await attempted(() => planned(name, wanted, { opened, io })));
  const ready = [...plans.values()].flatMap((found) => ("plan" in found ? [found.plan] : []));
  const shown = wanted.json ? io.stderr : io.stdout;
  for (const plan of ready) shown.write(planText(plan, opened.spareId));
  if (ready.some(hasWork) && !wanted.rehearse && !wanted.yes) await confirm(io);
  const how = { json: wanted.json, failureHeading: wanted.rehearse ? "rehearsal failed for" : "not recovered" };
  return await forEachRepository(wanted.names, io, how, async (name, say) => {
    const found = plans.get(name);
    if (found === undefined || "error" in found) throw found?.error;
    const act = wanted.rehearse ? rehearsed : repaired;
    return {
      repository: name,
      rehearsed: wanted.rehearse,
      ...planJson(found.plan),
      ...(await act(name, found, { wanted, opened, io, say })),
    };
  });
}

interface Tools {
  readonly opened: OpenedRecovery;
  readonly io: Io;
}

interface Acting extends Tools {
  readonly wanted: WantedRecovery;
  readonly say: (text: string) => void;
}

async function attempted<T>(work: () => Promise<T>): Promise<T | { readonly error: unknown }> {
  try {
    return await work();
  } catch (error) {
    return { error };
  }
}

/** Reads without changing what this machine remembers, so that a rehearsal leaves no trace. */
async function planned(name: string, wanted: WantedRecovery, { opened, io }: Tools): Promise<Planned> {
  const { planAccidents } = await import("../../trust/accidents/accident-plan.ts");
  const { lastState } = await import("../../trust/accidents/last-state.ts");
  const { MemoryTrustCache } = await import("../../trust/memory-cache.ts");
  const { replace, withoutSpare, accidents } = wanted;
  return await withTrust(io, imageArgument(name).reference, settings(io, opened, "read"), async (context) => {
    const isRootLost = accidents.some((accident) => accident.what === "lost" && accident.role === "root");
    const cache = new MemoryTrustCache(context.cache);
    const collection = await lastState({ ...context, cache }, { mayBeMadeAgain: isRootLost });
    const memoryOf = await opened.memoryOf(context.gun);
    const options = { replace, withoutSpare, spare: opened.spareId, memoryOf };
    return { collection, plan: await planAccidents(context, collection, accidents, options) };
  });
}

function settings(io: Io, { keys }: OpenedRecovery, access: TrustSettings["access"]): TrustSettings {
  return { access, keys, notify: tellTrustEvents(io, { quiet: true }) };
}

async function confirm(io: Io): Promise<void> {
  const answer = await io.prompter.ask("Recover? [y/N] ");
  if (/^y(?:es)?$/u.test(answer?.trim().toLowerCase() ?? "")) return;
  throw new UsageError("CANCELLED", "nothing was changed: the recovery was not confirmed", {
    hint: "Answer y, or give --yes. To try it on a copy: --rehearse.",
  });
}

async function repaired(name: string, { plan }: Planned, { wanted, opened, io, say }: Acting): Promise<object> {
  const { repair } = await import("../../trust/accidents/accident-repair.ts");
  const keys = opened.keysFor(plan);
  const results = await withTrust(
    io,
    imageArgument(name).reference,
    settings(io, opened, needsAdministrator(plan) ? "admin" : "write"),
    async (context: TrustContext) =>
      repair({ ...context, keys }, plan, await opened.tools(context.gun, keys, roleOf(wanted))),
  );
  say(resultsText(name, results, io.now()));
  return { results: results.map((result) => resultJson(name, result)) };
}

async function rehearsed(
  name: string,
  { plan, collection }: Planned,
  { wanted, opened, io, say }: Acting,
): Promise<object> {
  const { rehearse } = await import("./rehearsal.ts");
  const given = await opened.givenForRehearsal();
  const { reference } = imageArgument(name);
  const { force } = wanted.flags;
  const played = { reference, collection, plan, keys: opened.keysFor(plan), given, force };
  const { results, observations } = await rehearse(played, io);
  say(`Rehearsal of ${name} on a copy. Nothing was changed; the IDs of new keys are those of the rehearsal:\n`);
  say(resultsText(name, results, io.now()));
  for (const observation of observations) say(observationText(observation));
  return { results: results.map((result) => resultJson(name, result)), observations };
}

/** Trust servers delete for administrators only, and give them only their keys. */
function needsAdministrator({ steps }: AccidentPlan): boolean {
  return steps.some((step) => step.kind === "restart" || (step.kind === "rotate" && step.holder === "server"));
}

/** Whose keys `--key` names. */
function roleOf({ accidents: [accident] }: WantedRecovery): string {
  return accident === undefined || accident.what === "expired" ? "root" : accident.role;
}
