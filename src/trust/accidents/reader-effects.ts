/** What readers see of a recovery. The quoted words are those that the programs print; a test with the real ones compares them. */

import type { RecoveryStep } from "./accident.ts";

/** Readers that see the same. */
export interface ReaderEffect {
  readonly readers: string;
  readonly sees: string;
  /** what these readers have to do; undefined: nothing */
  readonly does?: string;
}

/** What docker 28, notary and Tagseal say of a root that does not follow from the one they remember. */
export const refusedRoot =
  "could not rotate trust to a new trusted root: failed to validate data with current trusted certificates";

/** What docker 28 and notary say of a root that they remember and whose certificate has expired. */
export const expiredCertificate =
  "could not validate the path to a trusted root: unable to retrieve valid leaf certificates";

/** What `docker trust inspect` says instead. */
export const refusedInspection = "no signatures or cannot access";

const all = "docker 28, notary and Tagseal, with and without cached trust data";

/** The effects of a step on the readers of a collection. */
export function readerEffects(step: RecoveryStep, gun: string): readonly ReaderEffect[] {
  if (step.kind === "none") return [];
  if (step.kind === "restart") return restartEffects(gun);
  if (step.kind === "rotate") return rotationEffects(step, gun);
  return renewalEffects(gun);
}

function renewalEffects(gun: string): readonly ReaderEffect[] {
  return [
    { readers: all, sees: "refuse what has expired until it is signed again, then continue" },
    {
      readers: "docker 28 and notary with cached trust data, if a root certificate had expired",
      sees: `refuse until they forget the old root: "${expiredCertificate}"`,
      does: `rm -r ~/.docker/trust/tuf/${gun}`,
    },
  ];
}

function restartEffects(gun: string): readonly ReaderEffect[] {
  return [
    {
      readers: "docker 28 with cached trust data",
      sees: `refuses to pull: "${refusedRoot}"; trust inspect: "${refusedInspection} ${gun}"`,
      does: `rm -r ~/.docker/trust/tuf/${gun}`,
    },
    {
      readers: "notary with cached trust data",
      sees: `refuses: "${refusedRoot}"`,
      does: `notary -d ~/.docker/trust delete ${gun}`,
    },
    {
      readers: "Tagseal with cached trust data",
      sees: `refuses with exit status 3: "${refusedRoot}"`,
      does: `tagseal trust delete ${gun}`,
    },
    { readers: "docker 28, notary and Tagseal without cached trust data", sees: "trust the new root on first use" },
    { readers: "clients that pin the root certificate", sees: "refuse", does: "pin the new certificate" },
  ];
}

function rotationEffects(
  { role, isLeaked }: Extract<RecoveryStep, { kind: "rotate" }>,
  gun: string,
): readonly ReaderEffect[] {
  const follow: ReaderEffect = { readers: all, sees: "continue and see no difference" };
  if (role === "root")
    return [
      follow,
      {
        readers: "clients that pin the replaced root certificate",
        sees: "continue; at their first contact they refuse",
        does: "pin the new certificate",
      },
      {
        readers: "Tagseal with a policy that pins the replaced root key alone",
        sees: "refuses until the policy names the new one",
        does: `tagseal policy pin ${gun}`,
      },
    ];
  const signs = role.startsWith("targets");
  if (signs && isLeaked)
    return [
      follow,
      {
        readers: "all, until now",
        sees: "may have accepted tags that other people signed with the leaked key",
        does: `tagseal trust log ${gun}`,
      },
    ];
  return [follow];
}
