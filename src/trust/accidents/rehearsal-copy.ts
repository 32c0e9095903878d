/** A copy of a collection for another trust server, which does not have the keys of the first. */

import { PrivateKey } from "../../crypto/private-key.ts";
import { PublicKey } from "../../crypto/public-key.ts";
import { createRootCertificate } from "../../crypto/root-certificate.ts";
import type { RoleKeys, RoleName, RootBody, ServerRole } from "../../tuf/metadata.ts";
import { baseRoleSigners } from "../../tuf/role-signers.ts";
import { signRole } from "../../tuf/role-signing.ts";
import type { TrustedCollection } from "../../tuf/trusted-collection.ts";
import { endingsOf, expiredDelegations } from "../renewal/endings.ts";

/** The copy's own surroundings. */
export interface CopyPlace {
  /** the keys of the server that gets the copy */
  readonly serverKeys: ReadonlyMap<ServerRole, PublicKey>;
  readonly now: Date;
}

/**
 * The files of a copy. Its root has the root, targets and snapshot keys of the original, the other server's keys, and as many further root
 * keys as must sign it; these exist only while this function works. All other files are those of the original, byte for byte.
 */
export async function copyOf(
  collection: TrustedCollection,
  { serverKeys, now }: CopyPlace,
): Promise<ReadonlyMap<RoleName, Uint8Array>> {
  const { root, targets, delegations, gun } = collection;
  const { roleKeys } = baseRoleSigners(root, "root");
  const signing = new Map<string, PrivateKey>();
  const certificates: PublicKey[] = [];
  for (let count = 0; count < roleKeys.threshold; count++) {
    const key = PrivateKey.generate("ecdsa");
    signing.set(key.publicKey.keyId, key);
    certificates.push(PublicKey.fromCertificatePem(await createRootCertificate(key, gun, now)));
  }
  const body = copiedRoot(root.body, { certificates, serverKeys });
  const requirement = { roleKeys: body.roles.get("root") ?? roleKeys, keys: body.keys };
  const copied = await signRole("root", body, [requirement], async (key) => signing.get(key.bareKeyId ?? ""));
  const expired = expiredDelegations(collection).map((file) => [file.role, file.bytes] as const);
  return new Map<RoleName, Uint8Array>([
    ["root", copied.bytes],
    ["targets", targets.bytes],
    ...[...delegations].map(([role, file]) => [role, file.bytes] as const),
    ...expired,
  ]);
}

/** A moment at which nothing in a collection had expired: now, if that is still so. */
export function whenItWasValid(collection: TrustedCollection, now: Date): Date {
  const ends = endingsOf(collection).filter(({ role }) => role !== "timestamp" && role !== "snapshot");
  const first = Math.min(...ends.map(({ expiresAt }) => expiresAt.getTime()));
  return first > now.getTime() ? now : new Date(first - 3_600_000);
}

interface OtherKeys {
  readonly certificates: readonly PublicKey[];
  readonly serverKeys: ReadonlyMap<ServerRole, PublicKey>;
}

function copiedRoot(original: RootBody, { certificates, serverKeys }: OtherKeys): RootBody {
  const roles = new Map<RoleName, RoleKeys>(original.roles);
  const keys = new Map(original.keys);
  const root = original.roles.get("root") ?? { keyIds: [], threshold: 1 };
  for (const key of [...certificates, ...serverKeys.values()]) keys.set(key.keyId, key);
  roles.set("root", { ...root, keyIds: [...(root.keyIds ?? []), ...certificates.map(({ keyId }) => keyId)] });
  for (const [role, { keyId }] of serverKeys) roles.set(role, { keyIds: [keyId], threshold: 1 });
  return { ...original, keys, roles, version: 1 };
}
