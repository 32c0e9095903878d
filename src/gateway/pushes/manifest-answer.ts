/** A manifest that is pushed: read whole within the bound for manifests, compared with its digest, and stored by the registry. */
import { type Digest, digestAlgorithm, isDigest } from "../../reference/digest.ts";
import { describe, verifyContent } from "../../registry/manifest.ts";
import { header } from "../../registry/registry-response.ts";
import { isSuccess } from "../../registry/upload-session.ts";
import type { Answer } from "../answer.ts";
import { GatewayRefusal } from "../gateway-refusal.ts";
import { refusalOfAnswer } from "./push-refusal.ts";
import { created, type UploadParts, type UploadRequest } from "./upload-answers.ts";

/** Stores a manifest under a tag or its digest. @throws GatewayRefusal; NetworkError */
export async function pushedManifestAnswer(
  parts: UploadParts,
  asked: UploadRequest,
  tagOrDigest: string,
): Promise<Answer> {
  const { manifests, pace } = parts;
  const mediaType = mediaTypeOf(asked.request.headers["content-type"]);
  return await manifests.withManifest(asked.request, pace, async (bytes) => {
    return await storedAnswer(parts, asked, { bytes, mediaType, tagOrDigest });
  });
}

interface PushedManifest {
  readonly bytes: Buffer;
  readonly mediaType: string | undefined;
  readonly tagOrDigest: string;
}

async function storedAnswer(
  { journal }: UploadParts,
  { name, path, relay }: UploadRequest,
  { bytes, mediaType, tagOrDigest }: PushedManifest,
): Promise<Answer> {
  const named = isDigest(tagOrDigest) ? tagOrDigest : undefined;
  if (named !== undefined && digestOf(bytes, named) !== named)
    throw new GatewayRefusal(400, "DIGEST_INVALID", "the manifest has another digest");
  const answer = await relay.manifest(tagOrDigest, bytes, mediaType);
  if (!isSuccess(answer)) throw await refusalOfAnswer(relay, answer, "a PUT of a manifest");
  answer.discard();
  const announced = header(answer, "docker-content-digest") ?? "";
  if (isDigest(announced)) verifyContent(bytes, { digest: announced }, "the registry stored another manifest");
  const digest = named ?? (isDigest(announced) ? announced : digestOf(bytes));
  journal.counts.bytes += bytes.length;
  journal.stored(name, { kind: "manifest", digest, tag: tagOrDigest, bytes: bytes.length });
  const subject = header(answer, "oci-subject");
  return created(
    `/v2/${path}/manifests/${tagOrDigest}`,
    digest,
    subject !== undefined && isDigest(subject) ? { "oci-subject": subject } : {},
  );
}

function digestOf(bytes: Uint8Array, like?: Digest): Digest {
  return describe(bytes, "", like === undefined ? "sha256" : digestAlgorithm(like)).digest;
}

/** It becomes a header of the gateway's own request. */
function mediaTypeOf(text: string | undefined): string | undefined {
  if (text === undefined || /^[\w.+-]{1,120}\/[\w.+-]{1,120}(?:; ?[\w-]+=[\w"-]+){0,3}$/u.test(text)) return text;
  throw new GatewayRefusal(400, "MANIFEST_INVALID", "Content-Type is not a media type");
}
