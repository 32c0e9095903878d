/** What expires when and who must act, as text and as JSON. */
import type { EndingStatus, ExpiryStatus } from "../../trust/renewal/expiry-status.ts";
import { inDays } from "./days.ts";
import { textTable } from "./text-table.ts";

/** A table of one repository, and below it what to do, with commands. */
export function expiryText(status: ExpiryStatus, now: Date): string {
  const { gun, server, cached, endings, unusable, stagedChanges } = status;
  const rows = endings.map((ending) => [
    nameOf(ending),
    `${ending.expiresAt.toISOString().slice(0, 10)} (${inDays(ending.expiresAt, now)})`,
    ending.state,
    holderText(ending),
  ]);
  const notes = [
    ...new Set(endings.filter(({ state }) => state !== "ok").map((ending) => actionText(gun, ending))),
    ...unusable.map(
      (role) => `${role}: signed by keys that no longer count; readers ignore it until it is signed again`,
    ),
    ...(stagedChanges === 0
      ? []
      : [`${changes(stagedChanges)} that docker or notary staged here, not published: tagseal trust staged ${gun}`]),
    ...(cached ? [`the trust server did not answer: this is what this machine remembers`] : []),
  ];
  const table = textTable([["ROLE", "EXPIRES", "STATE", "SIGNED BY"], ...rows]);
  return `${gun} on ${server}\n\n${table}${notes.length === 0 ? "" : `\n${notes.join("\n")}\n`}`;
}

/** The stable members of `trust status --json`. */
export function expiryJson({ gun, endings, ...status }: ExpiryStatus): Readonly<Record<string, unknown>> {
  return {
    server: status.server,
    cached: status.cached,
    state: worstState(endings),
    roles: endings.map((ending) => endingJson(gun, ending)),
    unusable: status.unusable,
    stagedChanges: status.stagedChanges,
  };
}

/** One thing that expires, with the command that renews it, where there is one. */
export function endingJson(gun: string, ending: EndingStatus): Readonly<Record<string, unknown>> {
  const { role, certificateId, expiresAt, state, holder, keyIds, threshold, hereKeyIds } = ending;
  return {
    role,
    ...(certificateId === undefined ? {} : { certificateId }),
    expires: expiresAt.toISOString(),
    state,
    signedBy: holder,
    keyIds,
    ...(threshold > 1 ? { threshold, hereKeyIds } : {}),
    ...(state === "ok" || role === "timestamp" ? {} : { command: commandFor(gun, ending) }),
  };
}

/** The state of the worst. */
export function worstState(endings: readonly EndingStatus[]): EndingStatus["state"] {
  const states = endings.map(({ state }) => state);
  return states.find((state) => state === "expired") ?? states.find((state) => state === "due") ?? "ok";
}

/** What to do, by whom, with which command: one line without a full stop. */
export function actionText(gun: string, ending: EndingStatus): string {
  const { role, holder } = ending;
  if (role === "timestamp") return "timestamp: the trust server does not renew it; ask the operator of the server";
  const command = commandFor(gun, ending);
  if (!ending.isRenewable)
    return `${nameOf(ending)}: get a new certificate from the authority that issued it, then, where the root key is: ${command}`;
  if (holder === "here" || holder === "server") return `To renew what this machine can: ${command}`;
  if (ending.threshold === 1) return `${nameOf(ending)}: to renew it, run this where ${keyText(ending)} is: ${command}`;
  const where = ending.hereKeyIds.length > 0 ? "here, or where another of them is" : "where one of them is";
  return `${nameOf(ending)}: ${keyText(ending)} must sign; to propose it, run this ${where}: ${command}`;
}

/** What needs several keys is proposed, unless this machine has enough of them. */
function commandFor(gun: string, { isRenewable, holder, threshold }: EndingStatus): string {
  if (!isRenewable) return `tagseal trust key rotate ${gun} root --key CERTIFICATE`;
  const isShared = threshold > 1 && (holder === "owner" || holder === "signer");
  return `tagseal trust renew${isShared ? " --propose" : ""} ${gun}`;
}

/** `root certificate`, or the role. */
export function nameOf({ role, certificateId }: EndingStatus): string {
  return certificateId === undefined ? role : `${role} certificate`;
}

function holderText(ending: EndingStatus): string {
  const { holder, threshold, hereKeyIds } = ending;
  if (holder === "here") return threshold === 1 ? "a key on this machine" : `${threshold} keys on this machine`;
  if (holder === "server") return "the trust server";
  const here = hereKeyIds.length === 0 ? "not on this machine" : `${hereKeyIds.length} on this machine`;
  return `${keyText(ending)}, ${here}`;
}

function keyText({ role, keyIds, holder, threshold }: EndingStatus): string {
  if (threshold > 1) return `${threshold} of the ${role} keys ${keyIds.map((id) => id.slice(0, 7)).join(", ")}`;
  const ids = keyIds.map((id) => id.slice(0, 7)).join(" or ");
  const whose = holder === "signer" ? `the key of ${role}` : role === "root" ? "the root key" : "the repository key";
  return ids === "" ? whose : `${whose} ${ids}`;
}

function changes(count: number): string {
  return count === 1 ? "1 change" : `${count} changes`;
}
