/** What of a collection ends when: its files and the certificates of its root keys. Pure. */

import { type Certificate, parseCertificateBundle } from "../../crypto/certificate.ts";
import type { PublicKey } from "../../crypto/public-key.ts";
import { hasCode, TagsealError } from "../../errors.ts";
import type { MetadataFile, RoleName, TargetsFile } from "../../tuf/metadata.ts";
import { parentOf } from "../../tuf/role-name.ts";
import { baseRoleSigners, declaredSigners, keysOf, type RoleSigners } from "../../tuf/role-signers.ts";
import { targetsFileOf, type TrustedCollection } from "../../tuf/trusted-collection.ts";

/** A file, or a root certificate, and its end. */
export interface Ending {
  readonly role: RoleName;
  /** of the root key whose certificate this is; undefined for the role's file */
  readonly certificate?: RootCertificate;
  readonly expiresAt: Date;
  /** who signs the role */
  readonly signers: RoleSigners;
}

/** The certificate of a root key. */
export interface RootCertificate {
  readonly key: PublicKey;
  readonly commonName: string;
  /** Tagseal, docker and notary make such certificates; another one is renewed by the authority that issued it */
  readonly isSelfIssued: boolean;
}

/** The end of a root certificate. */
export type CertificateEnding = Ending & { readonly certificate: RootCertificate };

/** Everything that ends: root, its certificates, targets, delegations with parents first, snapshot, timestamp. */
export function endingsOf(collection: TrustedCollection): readonly Ending[] {
  const { root, targets, snapshot, timestamp } = collection;
  const base = (file: MetadataFile): Ending => ({
    role: file.role,
    expiresAt: file.body.expiresAt,
    signers: baseRoleSigners(root, file.role),
  });
  return [
    base(root),
    ...certificateEndings(baseRoleSigners(root, "root")),
    base(targets),
    ...delegationEndings(collection),
    base(snapshot),
    ...(timestamp === undefined ? [] : [base(timestamp)]),
  ];
}

/** Delegations that expired are not among the valid ones; those with other faults have no signature that could be renewed. */
export function expiredDelegations({ invalidDelegations }: TrustedCollection): readonly TargetsFile[] {
  return [...invalidDelegations.values()]
    .filter(({ error }) => hasCode(error, "METADATA_EXPIRED"))
    .map(({ file }) => file);
}

function delegationEndings(collection: TrustedCollection): Ending[] {
  return [...collection.delegations.values(), ...expiredDelegations(collection)].flatMap(({ role, body }) => {
    const parent = targetsFileOf(collection, parentOf(role));
    return parent === undefined ? [] : { role, expiresAt: body.expiresAt, signers: declaredSigners(parent, role) };
  });
}

/** The certificates of root keys. */
export function certificateEndings(signers: RoleSigners): readonly CertificateEnding[] {
  return keysOf(signers).flatMap((key) => {
    const bundle = bundleOf(key);
    const [leaf] = bundle;
    if (leaf === undefined) return [];
    // Readers refuse a bundle as soon as one certificate in it has expired.
    const expiresAt = new Date(Math.min(...bundle.map(({ notAfter }) => notAfter.getTime())));
    const isSelfIssued = bundle.length === 1 && Buffer.from(leaf.issuer).equals(leaf.subject);
    const certificate = { key, commonName: leaf.subjectCommonName, isSelfIssued };
    return [{ role: "root", certificate, expiresAt, signers }];
  });
}

/** Empty for one that cannot be read: readers ignore such a root key. */
function bundleOf(key: PublicKey): readonly Certificate[] {
  try {
    return key.isX509 ? parseCertificateBundle(key.bytes) : [];
  } catch (error) {
    if (error instanceof TagsealError) return [];
    throw error;
  }
}
