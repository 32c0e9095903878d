/** Whether a renewed certificate still names the hosts of the one before. */

import { certificatesIn } from "./certificate-validity.ts";

/** The hosts of two certificates that have none in common, for a log line. */
export interface HostChange {
  readonly before: string;
  readonly after: string;
}

/**
 * Compares the first certificates of two chains by their subject alternative names.
 *
 * @param before PEM
 * @param after PEM
 * @returns undefined when they share a name, or when one of them names no host
 */
export function hostChange(before: Buffer, after: Buffer): HostChange | undefined {
  const [old, young] = [hostsOf(before), hostsOf(after)];
  if (old.length === 0 || young.length === 0 || old.some((host) => young.includes(host))) return undefined;
  return { before: old.join(", "), after: young.join(", ") };
}

/** `DNS:example.com, IP Address:10.0.0.1`, as Node spells them; URIs and accounts are not hosts. */
function hostsOf(pem: Buffer): readonly string[] {
  const [leaf] = certificatesIn(pem);
  const names = leaf?.subjectAltName?.split(", ") ?? [];
  return names.filter((name) => /^(?:DNS|IP Address):/u.test(name)).map((name) => name.toLowerCase());
}
