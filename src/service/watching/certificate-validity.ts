/** How long the certificates of a file are valid, and when their renewal is late. */

import { X509Certificate } from "node:crypto";

/** The period in which a whole chain, or at least one of several authorities, is valid. */
export interface Validity {
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** from then on the renewal is late */
  readonly renewBy: Date;
}

const day = 86_400_000;
/**
 * Renewal tools renew a certificate when a third of its lifetime is left, or 30 days of 90. When only a quarter is left, at most three weeks, the
 * renewal has failed, however short-lived the certificate is.
 */
const lead = { fraction: 1 / 4, maxMs: 21 * day };

/**
 * A chain is valid while every certificate is: the first to expire counts. Undefined for a text without readable certificates.
 *
 * @param pem one certificate or several
 */
export function chainValidity(pem: Buffer): Validity | undefined {
  return combined(pem, { begin: Math.max, end: Math.min });
}

/**
 * Authorities are alternatives, for example an old one and the new one: the last to expire counts. Undefined for a text without readable certificates.
 *
 * @param pem one certificate or several
 */
export function authoritiesValidity(pem: Buffer): Validity | undefined {
  return combined(pem, { begin: Math.min, end: Math.max });
}

type Choice = (...times: number[]) => number;

function combined(pem: Buffer, { begin, end }: { readonly begin: Choice; readonly end: Choice }): Validity | undefined {
  const all = certificatesIn(pem).map(validityOf);
  if (all.length === 0) return undefined;
  const chosen = (choice: Choice, timeOf: (one: Validity) => Date): Date =>
    new Date(choice(...all.map((one) => timeOf(one).getTime())));
  return {
    notBefore: chosen(begin, (one) => one.notBefore),
    notAfter: chosen(end, (one) => one.notAfter),
    renewBy: chosen(end, (one) => one.renewBy),
  };
}

function validityOf({ validFromDate: notBefore, validToDate: notAfter }: X509Certificate): Validity {
  const lifeMs = notAfter.getTime() - notBefore.getTime();
  const renewBy = new Date(notAfter.getTime() - Math.min(lead.maxMs, lead.fraction * lifeMs));
  return { notBefore, notAfter, renewBy };
}

const block = /-----BEGIN (?<label>(?:X509 )?CERTIFICATE)-----.*?-----END \k<label>-----/gsu;

/** The certificates of a text in PEM, without those that cannot be read. */
export function certificatesIn(pem: Buffer): X509Certificate[] {
  return (pem.toString("latin1").match(block) ?? []).flatMap((text) => {
    try {
      return [new X509Certificate(text)];
    } catch {
      return [];
    }
  });
}
