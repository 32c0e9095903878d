/** Shows the events of the use cases on standard error. docker-shaped commands have other words for some of them. */
import type { TrustEvent, TrustEventHandler } from "../../trust/trust-event.ts";
import type { Io } from "../io.ts";
import { printable } from "./printable.ts";

/** Shown even with `--quiet`: a warning is about security, and a new repository may be a mistyped name. */
const loud: ReadonlySet<TrustEvent["kind"]> = new Set(["warning", "initialised"]);

/** How to show events. */
export interface TellingHow {
  /** show only what must not be missed */
  readonly quiet: boolean;
  /** docker's own line for a new repository, which belongs to the result */
  readonly sayInitialised?: (gun: string) => void;
}

/** Shows an event on standard error, unless its kind is left out. */
export function tellTrustEvents(io: Io, how: TellingHow): TrustEventHandler {
  return (event) => {
    if (event.kind === "initialised") how.sayInitialised?.(event.gun);
    if (how.quiet && !loud.has(event.kind)) return;
    const text = trustEventText(event);
    if (text !== undefined) io.stderr.write(`${printable(text)}\n`);
  };
}

/** One event as text; undefined for events that a result or another event already shows. */
function trustEventText(event: TrustEvent): string | undefined {
  switch (event.kind) {
    case "pinned-root":
      return `First contact with ${event.gun}: its root key is trusted from now on.\n  root certificate ${event.rootKeyIds.join(", ")}`;
    case "unremembered-root":
      return `First contact with ${event.gun}: its root key is trusted for this command only, because it could not be remembered.\n  root certificate ${event.rootKeyIds.join(", ")}`;
    case "key-created":
      return `Created a new ${roleWord(event.role)} key with ID ${event.keyId.slice(0, 7)}`;
    case "initialised":
      return newRepository(event);
    case "signer-added":
      return `Added signer ${event.signer} to ${event.gun}`;
    case "retrying":
      return `${event.reason}; trying again (attempt ${event.attempt + 1})`;
    case "warning":
      return `warning: ${event.message}`;
    case "signing":
    case "signed":
      break;
  }
  return undefined;
}

/** A root key has two IDs: its file and `notary` use the canonical one, `trust inspect` and pins that of the certificate. */
function newRepository(event: Extract<TrustEvent, { kind: "initialised" }>): string {
  return [
    `Created a new repository: ${event.gun}`,
    `  trust server      ${event.server}`,
    `  root key          ${event.rootKeyId} (the name of its file)`,
    `  root certificate  ${event.rootCertificateId} (as "trust inspect" shows it)`,
    ...(event.moreRootCertificateIds ?? []).map((id) => `  root certificate  ${id}`),
  ].join("\n");
}

/** docker calls the targets and snapshot keys repository keys. */
function roleWord(role: string): string {
  return role === "targets" || role === "snapshot" ? "repository" : role;
}
