/** How the use cases' events are told to a person on standard error. docker-shaped commands have their own words for some of them. */
import type { TrustEvent, TrustEventHandler } from "../../trust/trust-event.ts";
import type { Io } from "../io.ts";
import { printable } from "./printable.ts";

/** Tells everything worth telling on standard error. `quiet` leaves warnings only: they are about safety. */
export function tellTrustEvents(io: Io, how: { readonly quiet: boolean }): TrustEventHandler {
  return (event) => {
    if (how.quiet && event.kind !== "warning") return;
    const text = trustEventText(event);
    if (text !== undefined) io.stderr.write(`${printable(text)}\n`);
  };
}

/** One event in words; undefined for events that a result or another event already tells. */
export function trustEventText(event: TrustEvent): string | undefined {
  switch (event.kind) {
    case "pinned-root":
      return `First contact with ${event.gun}: its root key is trusted from now on.\n  root certificate ${event.rootKeyIds.join(", ")}`;
    case "unremembered-root":
      return `First contact with ${event.gun}: its root key is trusted for this command only, because it could not be remembered.\n  root certificate ${event.rootKeyIds.join(", ")}`;
    case "key-created":
      return `Created a new ${roleWord(event.role)} key with ID ${event.keyId.slice(0, 7)}`;
    case "initialised":
      return `Finished initializing "${event.gun}"`;
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

/** docker calls the targets and snapshot keys repository keys. */
function roleWord(role: string): string {
  return role === "targets" || role === "snapshot" ? "repository" : role;
}
