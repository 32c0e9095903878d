/** How the use cases' events are told to a person on standard error. docker-shaped commands have their own words for some of them. */
import type { TrustEvent, TrustEventHandler } from "../../trust/trust-event.ts";
import type { Io } from "../io.ts";
import { printable } from "./printable.ts";

/** Told however quiet a command is to be: a warning is about safety, and a repository that is new may be a mistyped name. */
const loud: ReadonlySet<TrustEvent["kind"]> = new Set(["warning", "initialised"]);

/** How events are told. */
export interface TellingHow {
  /** tell only what must not be missed */
  readonly quiet: boolean;
  /** docker's own line for a new repository, which belongs to the result */
  readonly sayInitialised?: (gun: string) => void;
}

/** Tells everything worth telling on standard error. */
export function tellTrustEvents(io: Io, how: TellingHow): TrustEventHandler {
  return (event) => {
    if (event.kind === "initialised") how.sayInitialised?.(event.gun);
    if (how.quiet && !loud.has(event.kind)) return;
    const text = trustEventText(event);
    if (text !== undefined) io.stderr.write(`${printable(text)}\n`);
  };
}

/** One event in words; undefined for events that a result or another event already tells. */
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

/** A root key goes by two names: its file and `notary` use the canonical ID, `trust inspect` and pins that of the certificate. */
function newRepository(event: Extract<TrustEvent, { kind: "initialised" }>): string {
  return [
    `Created a new repository: ${event.gun}`,
    `  trust server      ${event.server}`,
    `  root key          ${event.rootKeyId} (the name of its file)`,
    `  root certificate  ${event.rootCertificateId} (as "trust inspect" shows it)`,
  ].join("\n");
}

/** docker calls the targets and snapshot keys repository keys. */
function roleWord(role: string): string {
  return role === "targets" || role === "snapshot" ? "repository" : role;
}
