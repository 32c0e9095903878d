/** `docker trust inspect`, as JSON and as text, in docker's members, order and layout. */
import { digestHex } from "../../reference/digest.ts";
import type { ImageReference } from "../../reference/image-reference.ts";
import type { SignerKeys, TrustInspection } from "../../trust/reading/inspect.ts";
import type { SignedTag } from "../../trust/reading/list.ts";
import { compareNatural } from "../../trust/reading/natural-order.ts";
import { mustSign } from "./key-words.ts";
import { textTable } from "./text-table.ts";

/** docker shows only the tag that was asked for; a digest in the reference is ignored and all tags are shown. */
export function selectTag(inspection: TrustInspection, { tag, digest }: ImageReference): TrustInspection {
  if (tag === undefined || digest !== undefined) return inspection;
  return { ...inspection, tags: inspection.tags.filter((signed) => signed.tag === tag) };
}

/** One element of docker's array. Digests have no `sha256:`; signers of the repository are in descending order. */
export function dockerInspectJson(name: string, inspection: TrustInspection): unknown {
  return {
    Name: name,
    SignedTags: inspection.tags.map(({ tag, digest, signers }) => ({
      SignedTag: tag,
      Digest: digestHex(digest),
      Signers: signers.length === 0 ? ["Repo Admin"] : signers,
    })),
    Signers: inspection.signers.toReversed().map((signer) => namedKeys(signer.name, signer)),
    AdministrativeKeys: [namedKeys("Root", rootKeys(inspection)), namedKeys("Repository", repositoryKeys(inspection))],
    // docker has no such member, so it is left out in the ordinary case
    ...(inspection.cached ? { Cached: true } : {}),
  };
}

type Keys = Omit<SignerKeys, "name">;

function rootKeys({ rootKeyIds, rootThreshold }: TrustInspection): Keys {
  return { keyIds: rootKeyIds, threshold: rootThreshold };
}

function repositoryKeys({ repositoryKeyIds, repositoryThreshold }: TrustInspection): Keys {
  return { keyIds: repositoryKeyIds, threshold: repositoryThreshold };
}

/** docker has no thresholds, so one is shown only where several keys must sign. */
function namedKeys(name: string, { keyIds, threshold }: Keys): unknown {
  const keys = { Name: name, Keys: keyIds.map((keyId) => ({ ID: keyId })) };
  return threshold > 1 ? { ...keys, Threshold: threshold } : keys;
}

function thresholdText({ keyIds, threshold }: Keys): string {
  return threshold > 1 ? ` (${mustSign(threshold, keyIds.length)})` : "";
}

/** docker's `--pretty`. */
export function prettyInspection(name: string, inspection: TrustInspection): string {
  return [tagsBlock(name, inspection.tags), signersBlock(name, inspection.signers), keysBlock(name, inspection)].join(
    "",
  );
}

function tagsBlock(name: string, tags: readonly SignedTag[]): string {
  if (tags.length === 0) return `\nNo signatures for ${name}\n\n`;
  const rows = tags.map(({ tag, digest, signers }) => [
    tag,
    digestHex(digest),
    signers.length === 0 ? "(Repo Admin)" : signers.join(", "),
  ]);
  return `\nSignatures for ${name}\n\n${textTable([["SIGNED TAG", "DIGEST", "SIGNERS"], ...rows])}`;
}

function signersBlock(name: string, signers: readonly SignerKeys[]): string {
  if (signers.length === 0) return "";
  const ordered = signers.toSorted((a, b) => compareNatural(a.name, b.name));
  const rows = ordered.map(({ name: signer, ...keys }) => {
    const ids = keys.keyIds.map((keyId) => keyId.slice(0, 12)).toSorted();
    return [signer, ids.join(", ") + thresholdText(keys)];
  });
  return `\nList of signers and their keys for ${name}\n\n${textTable([["SIGNER", "KEYS"], ...rows])}`;
}

function keysBlock(name: string, inspection: TrustInspection): string {
  return `\nAdministrative keys for ${name}\n\n  Repository Key:\t${keysLine(repositoryKeys(inspection))}\n  Root Key:\t${keysLine(rootKeys(inspection))}\n`;
}

function keysLine(keys: Keys): string {
  return keys.keyIds.join(", ") + thresholdText(keys);
}
