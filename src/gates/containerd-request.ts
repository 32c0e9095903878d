/**
 * What containerd asks an image verifier (its plugin `io.containerd.image-verifier.v1.bindir`): the name of a pull, and the descriptor that the
 * registry has for it: of the index where there is one, never of one platform inside it. The verifier cannot change it, only refuse it.
 */
import { jsonMember, parseOrdinaryJsonOr } from "../encoding/json.ts";
import { UsageError } from "../errors.ts";
import { parseDigest } from "../reference/digest.ts";
import {
  formatReference,
  type ImageReference,
  parseImageReference,
  withDefaultTag,
} from "../reference/image-reference.ts";

/** containerd's own default for `bin_dir`, its directory of verifiers. */
export const usualBinDir = "/opt/containerd/image-verifier/bin";

/** The media type of what is on standard input. */
export const descriptorMediaType = "application/vnd.oci.descriptor.v1+json";

/** The most that is read from standard input. A resolved descriptor has a few hundred bytes. */
export const maxDescriptorBytes = 64 * 1024;

/** The flags of a call, and its standard input. */
export interface VerifierCall {
  readonly name: string | undefined;
  readonly digest: string | undefined;
  readonly mediaType: string | undefined;
  /** undefined when it is more than {@link maxDescriptorBytes} */
  readonly input: string | undefined;
}

/** What a call is about. */
export interface VerifiedPull {
  /** the name as it was asked for */
  readonly named: ImageReference;
  /** the same with the digest that the registry has for it now: a tag must be signed for exactly that */
  readonly resolved: ImageReference;
}

/**
 * The image to decide about.
 *
 * @throws UsageError `USAGE` for a call that is not containerd's; `REFERENCE_INVALID`
 */
export function imageOfVerifierCall({ name, digest, mediaType, input }: VerifierCall): VerifiedPull {
  if (name === undefined || digest === undefined || mediaType === undefined)
    throw unexpected("-name, -digest and -stdin-media-type go together: one of them is missing");
  if (mediaType !== descriptorMediaType) throw unexpected(`"${mediaType}" on standard input is not known`);
  const resolved = parseDigest(digest);
  if (descriptorDigest(input) !== resolved) throw unexpected(`the descriptor is not that of ${resolved}`);
  const named = withDefaultTag(completeName(name));
  if (named.digest !== undefined && named.digest !== resolved)
    throw unexpected(`${name} was resolved to another digest, ${resolved}`);
  return { named, resolved: { ...named, digest: resolved } };
}

function descriptorDigest(input: string | undefined): unknown {
  if (input === undefined) throw unexpected(`the descriptor has more than ${maxDescriptorBytes} bytes`);
  return jsonMember(
    parseOrdinaryJsonOr((cause) => unexpected("the descriptor is not JSON", cause), input),
    "digest",
  );
}

/** containerd asks the host that a name begins with, where docker would take a short name for one of Docker Hub. */
function completeName(name: string): ImageReference {
  const reference = parseImageReference(name);
  const complete = formatReference(reference);
  if (complete === name) return reference;
  throw new UsageError("REFERENCE_INVALID", `"${name}" is not a complete name`, {
    hint: `Name the registry and the whole path: ${complete}`,
  });
}

function unexpected(what: string, cause?: unknown): UsageError {
  return new UsageError("USAGE", `containerd's request is not understood: ${what}`, {
    cause,
    hint: "Update Tagseal: this containerd may call verifiers in another way.",
  });
}
