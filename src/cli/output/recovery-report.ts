/** What a recovery will do, what readers will see, and what was done, as text and as members of JSON. */
import type { AccidentPlan, RecoveryStep } from "../../trust/accidents/accident.ts";
import { readerEffects, type ReaderEffect } from "../../trust/accidents/reader-effects.ts";
import type { RepairResult } from "../../trust/accidents/accident-repair.ts";
import type { Observation } from "../recovery/rehearsal.ts";
import { renewalJson, renewalText } from "./renewal-report.ts";
import { rotationJson, rotationText } from "./rotation-report.ts";

/** True when a plan changes something. */
export function hasWork({ steps }: AccidentPlan): boolean {
  return steps.some(({ kind }) => kind !== "none");
}

/** The plan for one repository, before you are asked to confirm it; nothing for one that changes nothing. */
export function planText(plan: AccidentPlan, spareId: string | undefined): string {
  if (!hasWork(plan)) return "";
  const { gun, steps, firstRoot } = plan;
  const planned = steps.map((step, index) => `  ${index + 1}. ${stepText(step, spareId)}`);
  const readers = effectsOf(steps, gun).map(
    ({ readers: who, sees, does }) => `  ${who}:\n    ${sees}${does === undefined ? "" : `\n    they need: ${does}`}`,
  );
  const first = firstRoot === undefined ? "" : firstContact(gun, firstRoot);
  return `${first}${[gun, ...planned, "What readers see:", ...readers].join("\n")}\n`;
}

/** Whatever the server presents is recovered, so it is said before you confirm. */
function firstContact(gun: string, { body }: NonNullable<AccidentPlan["firstRoot"]>): string {
  const ids = (body.roles.get("root")?.keyIds ?? []).map((id) => `  root certificate ${id}\n`);
  return `First contact with ${gun}: its root key is trusted for being the first.\n${ids.join("")}`;
}

/** The plan, as `--json` shows it. */
export function planJson({ gun, steps, firstRoot }: AccidentPlan): Readonly<Record<string, unknown>> {
  return {
    pinnedOnFirstUse: firstRoot !== undefined,
    plan: steps.map(stepJson),
    readers: effectsOf(steps, gun).map(effectJson),
  };
}

function stepJson(step: RecoveryStep): object {
  if (step.kind === "renew") return { step: step.kind };
  if (step.kind === "none") return { step: step.kind, role: step.role };
  if (step.kind === "restart") return { step: step.kind, replacedKeys: step.replaced };
  return { step: step.kind, role: step.role, replacedKeys: step.replaced };
}

function effectJson({ readers, sees, does }: ReaderEffect): object {
  return does === undefined ? { readers, sees } : { readers, sees, needs: does };
}

/** What was done. */
export function resultsText(gun: string, results: readonly RepairResult[], now: Date): string {
  return results.map((result) => resultText(gun, result, now)).join("");
}

/** What was done, as `--json` shows it. */
export function resultJson(gun: string, result: RepairResult): Readonly<Record<string, unknown>> {
  if (result.kind === "rotate") return { step: "rotate", ...rotationJson(result.rotation) };
  if (result.kind === "renew") return { step: "renew", ...renewalJson(gun, result.renewal) };
  if (result.kind === "none") return { step: "none", role: result.role, keys: result.keyIds };
  return { step: "restart", ...result.restart };
}

/** What Tagseal saw in a rehearsal. */
export function observationText({ cached, tags, same, refusal }: Observation): string {
  const who = `  Tagseal ${cached ? "with" : "without"} cached trust data`;
  if (refusal !== undefined) return `${who} refuses: ${refusal}\n`;
  return `${who} sees ${tagCount(tags ?? 0)}, ${same ? "as before" : "not the same as before"}\n`;
}

function tagCount(count: number): string {
  return count === 1 ? "1 tag" : `${count} tags`;
}

function resultText(gun: string, result: RepairResult, now: Date): string {
  if (result.kind === "rotate") return rotationText(gun, result.rotation);
  if (result.kind === "renew") return renewalText(gun, result.renewal, now);
  if (result.kind === "none") return noneText(gun, result);
  const { rootKeyId, rootCertificateId, targetsKeyId, tags, dropped } = result.restart;
  const lines = [
    `Deleted ${gun} and made it again under a new root key, with ${tagCount(tags)}`,
    `  root key          ${rootKeyId}`,
    `  root certificate  ${rootCertificateId} (as "trust inspect" shows it)`,
    `  repository key    ${targetsKeyId}`,
    ...dropped.map((role) => `  without what ${role} signed: its keys had not signed it validly`),
  ];
  return `${lines.join("\n")}\n`;
}

function noneText(gun: string, { role, keyIds, holder }: Extract<RecoveryStep, { kind: "none" }>): string {
  const ids = keyIds.join(", ");
  if (holder === "server") return `${gun}: nothing to do: the trust server has the ${role} key ${ids}\n`;
  const advice = `  If its passphrase is lost, name the key: --replace ${keyIds[0] ?? "KEYID"}`;
  return `${gun}: nothing to do: the ${role} key ${ids} is on this machine\n${advice}\n`;
}

function effectsOf(steps: readonly RecoveryStep[], gun: string): readonly ReaderEffect[] {
  const effects = steps.flatMap((step) => readerEffects(step, gun));
  return [...new Map(effects.map((effect) => [`${effect.readers}: ${effect.sees}`, effect])).values()];
}

function stepText(step: RecoveryStep, spareId: string | undefined): string {
  if (step.kind === "renew") return "sign everything again that the keys on this machine can";
  if (step.kind === "none") return `nothing for ${step.role}: its key ${step.keyIds.join(", ")} is not lost`;
  if (step.kind === "rotate") return rotationStep(step, spareId);
  return `delete the repository on the trust server and make it again under a new root key, with the same tags and signers: no root key of it is left (${step.replaced.join(", ")})`;
}

function rotationStep(
  { role, replaced, holder, isPublished }: Extract<RecoveryStep, { kind: "rotate" }>,
  spareId?: string,
): string {
  const old = replaced.length === 0 ? "" : ` ${replaced.join(", ")}`;
  if (isPublished === true) return `finish an earlier run, which replaced the ${role} key${old}`;
  if (holder === "server") return `replace the ${role} key${old} by a new one of the trust server`;
  const signer = role === "root" && spareId !== undefined ? `; the spare ${spareId} signs` : "";
  return `replace the ${role} key${old} by a new one${signer}`;
}
