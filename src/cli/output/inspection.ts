/** `docker trust inspect`, as JSON and as text, in docker's members, order and layout. */
import { digestHex } from "../../reference/digest.ts";
import type { ImageReference } from "../../reference/image-reference.ts";
import type { SignerKeys, InspectionReading } from "../../trust/reading/inspect.ts";
import type { SignedTag } from "../../trust/reading/list.ts";
import { compareNatural } from "../../trust/reading/natural-order.ts";
import { mustSign } from "./key-words.ts";
import { StreamedList } from "./streamed-output.ts";
import { tableLines, textTable } from "./text-table.ts";

/** docker shows only the tag that was asked for; a digest in the reference is ignored and all tags are shown. */
export function selectTag(inspection: InspectionReading, { tag, digest }: ImageReference): InspectionReading {
  if (tag === undefined || digest !== undefined) return inspection;
  const selected = [...inspection.tags()].filter((signed) => signed.tag === tag);
  return { ...inspection, tags: () => selected };
}

/** One element of docker's array, for `jsonPieces`. Digests have no `sha256:`; signers of the repository are in descending order. */
export function dockerInspectJson(name: string, inspection: InspectionReading): unknown {
  return {
    Name: name,
    SignedTags: new StreamedList(() => Iterator.from(inspection.tags()).map(dockerTag)),
    Signers: inspection.signers.toReversed().map((signer) => namedKeys(signer.name, signer)),
    AdministrativeKeys: [namedKeys("Root", rootKeys(inspection)), namedKeys("Repository", repositoryKeys(inspection))],
    // docker has no such member, so it is left out in the ordinary case
    ...(inspection.cached ? { Cached: true } : {}),
  };
}

function dockerTag({ tag, digest, signers }: SignedTag): unknown {
  return { SignedTag: tag, Digest: digestHex(digest), Signers: signers.length === 0 ? ["Repo Admin"] : signers };
}

type Keys = Omit<SignerKeys, "name">;

function rootKeys({ rootKeyIds, rootThreshold }: InspectionReading): Keys {
  return { keyIds: rootKeyIds, threshold: rootThreshold };
}

function repositoryKeys({ repositoryKeyIds, repositoryThreshold }: InspectionReading): Keys {
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

/** docker's `--pretty`, piece by piece. */
export function* prettyInspection(name: string, inspection: InspectionReading): Generator<string, void> {
  yield* tagsBlock(name, inspection.tags);
  yield signersBlock(name, inspection.signers);
  yield keysBlock(name, inspection);
}

function* tagsBlock(name: string, tags: InspectionReading["tags"]): Generator<string, void> {
  if (Iterator.from(tags()).next().done === true) {
    yield `\nNo signatures for ${name}\n\n`;
  } else {
    yield `\nSignatures for ${name}\n\n`;
    yield* tableLines(() => tagRows(tags()));
  }
}

function* tagRows(tags: Iterable<SignedTag>): Generator<readonly string[], void> {
  yield ["SIGNED TAG", "DIGEST", "SIGNERS"];
  for (const { tag, digest, signers } of tags)
    yield [tag, digestHex(digest), signers.length === 0 ? "(Repo Admin)" : signers.join(", ")];
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

function keysBlock(name: string, inspection: InspectionReading): string {
  return `\nAdministrative keys for ${name}\n\n  Repository Key:\t${keysLine(repositoryKeys(inspection))}\n  Root Key:\t${keysLine(rootKeys(inspection))}\n`;
}

function keysLine(keys: Keys): string {
  return keys.keyIds.join(", ") + thresholdText(keys);
}
