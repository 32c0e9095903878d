import { MetadataError } from "../../errors.ts";
import { isDirectChild } from "../../tuf/role-name.ts";
import type { DelegatedRole, RoleName } from "../../tuf/metadata.ts";
import type { TrustedCollection } from "../../tuf/trusted-collection.ts";
import { releasesRole } from "../reading/released-tags.ts";
import type { HeldKeys } from "./held-keys.ts";

/**
 * The roles a tag is signed into: `targets` while there are no signers, after that every direct delegation that covers the tag and
 * has a key here, and never `targets` again.
 *
 * @throws MetadataError `SIGNING_KEY_MISSING` when no signer's key is here
 * @see Notary v1: push
 */
export async function signableRoles(collection: TrustedCollection, tag: string, held: HeldKeys): Promise<RoleName[]> {
  const { keys, roles } = collection.targets.body.delegations;
  if (roles === null || roles.length === 0) return ["targets"];
  const signable: RoleName[] = [];
  for (const role of roles) {
    if (isDirectChild("targets", role.name) && covers(role, tag) && (await held.holdsOneOf(role, keys)))
      signable.push(role.name);
  }
  if (signable.length > 0) return signable;
  const names = signerNames(roles);
  throw new MetadataError("SIGNING_KEY_MISSING", "no valid signing keys for delegation roles", {
    hint:
      names.length > 0
        ? `Tags of this repository are signed by its signers (${names.join(", ")}), and none of their keys is on this machine.`
        : `This repository has no signer left: ${whoSignsNow(collection.gun)}`,
  });
}

/** How to sign again in a repository whose last signer was removed. Completes "… has no signer left: ". */
function whoSignsNow(gun: string): string {
  return `tags that the repository key signed stay trusted, and nothing can be signed until you add a signer (tagseal trust signer add --key KEY.pub NAME ${gun}) or go back to the repository key (tagseal trust delegation remove ${gun} ${releasesRole})`;
}

/** The warning of a change after which no signer is left. */
export function noSignerLeft(gun: string): string {
  return `${gun} has no signer left: ${whoSignsNow(gun)}`;
}

function covers({ paths }: DelegatedRole, tag: string): boolean {
  return paths?.some((path) => tag.startsWith(path)) ?? false;
}

function signerNames(roles: readonly DelegatedRole[]): string[] {
  return roles.map(({ name }) => name.slice("targets/".length)).filter((name) => name !== "releases");
}
