/** Answers with what refers to a manifest. */
import { hasCode } from "../errors.ts";
import type { Digest } from "../reference/digest.ts";
import { type Descriptor, mediaTypes } from "../registry/manifest.ts";
import { type Answer, jsonAnswer } from "./answer.ts";
import type { ContentParts } from "./content-answers.ts";
import type { Repository } from "./served-name.ts";

const maxReferrers = 1_000;

/**
 * What refers to a manifest that the policy allows; the registry's claim, of which each entry is decided when it is fetched: an artifact may be had.
 *
 * @throws GatewayRefusal; NetworkError
 * @see OCI distribution-spec 1.1, listing referrers
 */
export async function referrersAnswer(
  { access, upstreams }: ContentParts,
  name: Repository,
  digest: Digest,
  artifactType: string | null,
): Promise<Answer> {
  const found = (await isThere(access, name, digest))
    ? await upstreams.use(name, async (client) => await client.referrers(digest))
    : [];
  const wanted = found.filter((entry) => artifactType === null || entry.artifactType === artifactType);
  const listed = wanted.slice(0, maxReferrers);
  access.noteReferrers(
    name,
    digest,
    listed.map((entry) => entry.digest),
  );
  const manifests = listed.map(plainDescriptor);
  const filtered = artifactType === null ? {} : { "oci-filters-applied": "artifactType" };
  const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests };
  return jsonAnswer(200, index, { "content-type": mediaTypes.ociIndex, ...filtered });
}

/** What the registry does not have is referred to by nothing, which is an empty list. @see OCI distribution-spec 1.1, listing referrers */
async function isThere(access: ContentParts["access"], name: Repository, digest: Digest): Promise<boolean> {
  try {
    await access.manifest(name, digest);
    return true;
  } catch (error) {
    if (hasCode(error, "REGISTRY_NOT_FOUND")) return false;
    throw error;
  }
}

function plainDescriptor({ mediaType, digest, size, artifactType, annotations }: Descriptor): object {
  return {
    mediaType,
    digest,
    size,
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(annotations === undefined ? {} : { annotations: Object.fromEntries(annotations) }),
  };
}
