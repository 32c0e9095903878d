/** Proposals as text, for people who decide whether to sign, and as JSON. */
import type { DelegatedRole, RoleKeys, Target } from "../../tuf/metadata.ts";
import type { ProposedChange } from "../../tuf/proposals/proposal-difference.ts";
import type {
  ProposalKey,
  ProposalSignatures,
  ProposalView,
  ProposedRole,
} from "../../trust/proposals/proposal-view.ts";
import { printable } from "./printable.ts";

/** How many digits of an ID are shown, and are enough to name a proposal. */
export const shownIdDigits = 12;

/** A proposal: each role with its differences and its signatures. */
export function proposalText({ id, gun, expiresAt, roles, warnings }: ProposalView): string {
  const heading = `Proposal ${id.slice(0, shownIdDigits)} for ${gun}, open until ${time(expiresAt)}`;
  return printable(
    [heading, ...roles.flatMap(roleLines), ...warnings.map((text) => `  warning: ${text}`)]
      .map((line) => `${line}\n`)
      .join(""),
  );
}

/** What is still missing, in a few words; "" when nothing is. */
export function missingText({ roles }: ProposalView): string {
  return roles
    .flatMap(({ difference, signatures }) =>
      signatures.filter((state) => needed(state) > 0).map((state) => `${needed(state)} more for ${difference.role}`),
    )
    .join(", ");
}

/** A proposal as `--json` shows it. */
export function proposalJson({ id, gun, expiresAt, isComplete, roles, warnings }: ProposalView): object {
  return {
    id,
    gun,
    expires: expiresAt.toISOString(),
    complete: isComplete,
    roles: roles.map(({ difference: { changes, ...difference }, signatures, isComplete: complete }) => ({
      ...difference,
      changes: changes.map(changeJson),
      signatures,
      complete,
    })),
    warnings,
  };
}

function roleLines({ difference, signatures }: ProposedRole): readonly string[] {
  const { role, version, expires, changes } = difference;
  const lines = changes.map((change) => `    ${changeText(change)}`);
  return [
    `  ${role}: version ${version.before === 0 ? "" : `${version.before} -> `}${version.after}, valid until ${expires.after}`,
    ...(lines.length === 0 ? ["    signed again, with the same content"] : lines),
    ...signatures.flatMap((state, index) => signatureLines(state, ofWhich(signatures, index))),
  ];
}

/** A root whose keys change is signed twice. */
function ofWhich({ length }: readonly ProposalSignatures[], index: number): string {
  if (length < 2) return "";
  return index === 0 ? " of the new keys" : " of the keys until now";
}

function signatureLines(state: ProposalSignatures, which: string): readonly string[] {
  const { threshold, signed, missing } = state;
  const count = `    ${signed.length} of ${threshold} signatures${which}`;
  const by = signed.length === 0 ? "" : `: ${signed.map(keyText).join(", ")}`;
  const rest = needed(state) === 0 ? [] : [`    missing ${needed(state)} of: ${missing.map(keyText).join(", ")}`];
  return [`${count}${by}`, ...rest];
}

function needed({ threshold, signed }: ProposalSignatures): number {
  return Math.max(0, threshold - signed.length);
}

function keyText({ keyId, signers, here }: ProposalKey): string {
  const place = here ? ", here" : "";
  return signers.length === 0 ? `${keyId}${here ? " (here)" : ""}` : `${signers.join("/")} (${keyId}${place})`;
}

function changeText(change: ProposedChange): string {
  const { kind, name } = change;
  switch (kind) {
    case "target":
      return beforeAfter(JSON.stringify(name), targetText(change.before), targetText(change.after));
    case "delegation":
      return beforeAfter(`delegation ${name}`, delegationText(change.before), delegationText(change.after));
    case "role":
      return beforeAfter(`keys of ${name}`, keysText(change.before), keysText(change.after));
    case "key":
      return beforeAfter(`listed key ${name}`, change.before?.keyType, change.after?.keyType);
    case "order":
    case "consistent-snapshot":
      break;
  }
  return beforeAfter(kind === "order" ? "order of delegations" : name, change.before, change.after);
}

function beforeAfter(what: string, before: string | undefined, after: string | undefined): string {
  if (before === undefined) return `+ ${what}: ${after ?? ""}`;
  return after === undefined ? `- ${what}: ${before}` : `~ ${what}: ${before} -> ${after}`;
}

function targetText(target: Target | undefined): string | undefined {
  if (target === undefined) return undefined;
  const hashes = Object.entries(hashesOf(target)).map(([algorithm, value]) => `${algorithm}:${value}`);
  const remark = target.custom === undefined ? "" : `, custom ${JSON.stringify(target.custom)}`;
  return `${hashes.join(" ")}, ${target.length} bytes${remark}`;
}

function delegationText(role: DelegatedRole | undefined): string | undefined {
  if (role === undefined) return undefined;
  const paths = role.paths?.map((path) => JSON.stringify(path)).join(", ") ?? "none";
  return `${keysText(role)}, paths ${paths}`;
}

function keysText(roleKeys: RoleKeys | undefined): string | undefined {
  if (roleKeys === undefined) return undefined;
  return `${roleKeys.threshold} of ${roleKeys.keyIds?.length ?? 0} keys (${roleKeys.keyIds?.join(", ") ?? ""})`;
}

function hashesOf({ hashes }: Target): Readonly<Record<string, string>> {
  return Object.fromEntries([...hashes].map(([algorithm, value]) => [algorithm, Buffer.from(value).toString("hex")]));
}

function changeJson(change: ProposedChange): object {
  if (change.kind === "target") return sides(change, (target) => ({ ...target, hashes: hashesOf(target) }));
  if (change.kind === "key") return sides(change, ({ keyType, bareKeyId }) => ({ keyType, keyId: bareKeyId }));
  return change;
}

function sides<T>(
  { kind, name, before, after }: { kind: string; name: string; before?: T; after?: T },
  write: (side: T) => object,
): object {
  return {
    kind,
    name,
    ...(before === undefined ? {} : { before: write(before) }),
    ...(after === undefined ? {} : { after: write(after) }),
  };
}

function time(at: Date): string {
  return at.toISOString().replace(/\.\d+Z$/u, "Z");
}
