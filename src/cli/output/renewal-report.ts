/** What a renewal signed, and what others must sign, as text and as JSON. */
import type { RenewResult } from "../../trust/renewal/renew.ts";
import { actionText, endingJson, nameOf } from "./expiry-report.ts";
import { inDays } from "./days.ts";

/** The line for a repository that `--all` passes over. */
export function withoutKeyText(gun: string): string {
  return `${noKey(gun)}\n`;
}

function noKey(gun: string): string {
  return `${gun}: no key of it is on this machine`;
}

/** One line for each role that was signed, and for each thing that others must renew. */
export function renewalText(gun: string, result: RenewResult, now: Date): string {
  const { renewed, newRootCertificates, remaining, proposable } = result;
  const nothing = proposable.length === 0 ? noKey(gun) : `${gun}: not renewed`;
  const lines = [
    renewed.length === 0 ? nothing : `${gun}: renewed`,
    ...renewed.map(({ role, expiresAt }) => `  ${role} until ${expiresAt.toISOString().slice(0, 10)}`),
    ...newRootCertificates.map((id) => `  new root certificate ${id} for the same key: pins need it`),
    ...remaining.flatMap((ending) => [
      `  not renewed: ${nameOf(ending)}, ${ending.state === "expired" ? "expired" : "expires"} ${inDays(ending.expiresAt, now)}`,
      `    ${actionText(gun, ending)}`,
    ]),
    ...(proposable.length === 0
      ? []
      : [`  ${proposable.join(", ")}: more keys must sign than are here: tagseal trust renew --propose ${gun}`]),
  ];
  return `${lines.join("\n")}\n`;
}

/** The stable members of `trust renew --json`. */
export function renewalJson(gun: string, result: RenewResult): Readonly<Record<string, unknown>> {
  return {
    renewed: result.renewed.map(({ role, version, expiresAt }) => ({
      role,
      version,
      expires: expiresAt.toISOString(),
    })),
    newRootCertificates: result.newRootCertificates,
    remaining: result.remaining.map((ending) => endingJson(gun, ending)),
    proposable: result.proposable,
  };
}
