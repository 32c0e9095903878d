/** The extensions of an X.509 certificate that content trust looks at. */
import { contextTag, DerReader, derTag } from "../encoding/der.ts";
import { EncodingError } from "../errors.ts";
import { oid } from "./oids.ts";

/** What a certificate calls its subject besides the subject's name. RFC 5280 §4.2.1.6 */
export interface AlternativeNames {
  readonly dns: readonly string[];
  readonly uris: readonly string[];
}

interface BasicConstraints {
  /** basic constraints say CA */
  readonly isCa: boolean;
  /** how many CA certificates basic constraints allow between this one and a leaf; undefined without a limit */
  readonly pathLength: number | undefined;
}

/** What the extensions of a certificate say. */
export interface CertificateExtensions extends BasicConstraints {
  /** object identifiers of the extended key usage extension; undefined without that extension */
  readonly extendedKeyUsage: readonly string[] | undefined;
  /** DNS names and URIs among the subject alternative names, as they are written */
  readonly alternativeNames: AlternativeNames;
  /** object identifiers of the critical extensions */
  readonly criticalExtensions: readonly string[];
}

/** Reads the extensions; undefined for a certificate without any. @throws EncodingError `DER_MALFORMED` */
export function parseExtensions(content: Uint8Array | undefined): CertificateExtensions {
  let constraints: BasicConstraints = { isCa: false, pathLength: undefined };
  let extendedKeyUsage: string[] | undefined;
  let alternativeNames: AlternativeNames = { dns: [], uris: [] };
  const criticalExtensions: string[] = [];
  for (const [id, { isCritical, value }] of readExtensions(content)) {
    if (isCritical) criticalExtensions.push(id);
    const reader = new DerReader(value, "certificate extension");
    if (id === oid.basicConstraints) constraints = parseBasicConstraints(reader.enter());
    if (id === oid.extendedKeyUsage) extendedKeyUsage = parseOids(reader.enter());
    if (id === oid.subjectAlternativeName) alternativeNames = parseAlternativeNames(reader.enter());
  }
  return { ...constraints, extendedKeyUsage, alternativeNames, criticalExtensions };
}

interface Extension {
  readonly isCritical: boolean;
  readonly value: Uint8Array;
}

function readExtensions(content: Uint8Array | undefined): Map<string, Extension> {
  const extensions = new Map<string, Extension>();
  if (content === undefined) return extensions;
  const list = new DerReader(content, "certificate extensions").enter();
  while (!list.done) {
    const extension = list.enter();
    const id = extension.oid();
    // Two values for one extension let two readers see two certificates.
    if (extensions.has(id))
      throw new EncodingError("DER_MALFORMED", `Cannot parse certificate: extension ${id} given twice`);
    const isCritical = extension.peekTag() === derTag.boolean && extension.boolean();
    extensions.set(id, { isCritical, value: extension.read(derTag.octetString) });
  }
  return extensions;
}

function parseBasicConstraints(constraints: DerReader): BasicConstraints {
  const isCa = constraints.peekTag() === derTag.boolean && constraints.boolean();
  return { isCa, pathLength: constraints.done ? undefined : constraints.smallInteger() };
}

const dnsNameTag = contextTag(2, "primitive");

const uriTag = contextTag(6, "primitive");

function parseAlternativeNames(list: DerReader): AlternativeNames {
  const names: { readonly dns: string[]; readonly uris: string[] } = { dns: [], uris: [] };
  while (!list.done) {
    const { tag, content } = list.next();
    if (tag === dnsNameTag) names.dns.push(Buffer.from(content).toString("latin1"));
    if (tag === uriTag) names.uris.push(Buffer.from(content).toString("latin1"));
  }
  return names;
}

function parseOids(list: DerReader): string[] {
  const oids: string[] = [];
  while (!list.done) oids.push(list.oid());
  return oids;
}
