/** Reads answers of registries other than manifests. */
import { NetworkError, TagsealError } from "../errors.ts";
import { isTag } from "../reference/reference-grammar.ts";
import type { HttpResponse } from "../http/client/http-response.ts";
import {
  type Descriptor,
  isManifestType,
  malformed,
  mediaTypes,
  member,
  parseDocument,
  parseManifest,
} from "./manifest.ts";
import { describeUrl } from "../http/client/network-failure.ts";

/** A header that is sent once at most; undefined otherwise. */
export function header(response: HttpResponse, name: string): string | undefined {
  const value = response.headers[name];
  return typeof value === "string" ? value : undefined;
}

/**
 * The Content-Type, or the media type in the manifest where the header is missing.
 *
 * @throws NetworkError `IMAGE_MALFORMED` when neither is a manifest's
 */
export function manifestType(response: HttpResponse, bytes: Uint8Array): string {
  const type = header(response, "content-type")?.split(";", 1)[0]?.trim() ?? "";
  if (isManifestType(type)) return type;
  const inside = member(parseDocument(bytes), "mediaType");
  if (typeof inside === "string" && isManifestType(inside)) return inside;
  throw malformed(
    `${describeUrl(response.url)} sent ${JSON.stringify(type.slice(0, 120))}, which is not a known manifest type`,
  );
}

/** Reads one page of a tag list. @throws NetworkError `RESPONSE_MALFORMED` for a broken one, and for invalid tags */
export function parseTags(response: HttpResponse, bytes: Uint8Array): string[] {
  let document;
  try {
    document = parseDocument(bytes);
  } catch (error) {
    if (!(error instanceof TagsealError)) throw error;
    throw new NetworkError("RESPONSE_MALFORMED", `${describeUrl(response.url)} sent a broken tag list`, {
      cause: error,
    });
  }
  const tags = member(document, "tags");
  if (tags === null || tags === undefined) return [];
  const isList = Array.isArray(tags) && tags.every((tag) => typeof tag === "string" && isTag(tag));
  if (!isList) throw new NetworkError("RESPONSE_MALFORMED", `${describeUrl(response.url)} lists invalid tag names`);
  return tags.map(String);
}

/**
 * The next page from a Link header; undefined on the last.
 *
 * @throws NetworkError `RESPONSE_MALFORMED` when it is on another server
 * @see RFC 8288
 */
export function nextPage(response: HttpResponse): URL | undefined {
  const target = /<([^>]{1,4096})>\s*;[^,]{0,200}\brel="?next"?/i.exec(header(response, "link") ?? "")?.[1];
  if (target === undefined) return undefined;
  const url = URL.canParse(target, response.url.href) ? new URL(target, response.url.href) : undefined;
  if (url !== undefined && url.origin === response.url.origin) return url;
  throw new NetworkError("RESPONSE_MALFORMED", `${describeUrl(response.url)} continues its tag list on another server`);
}

/** What an index of referrers lists. @throws NetworkError `IMAGE_MALFORMED` */
export function indexEntries(bytes: Uint8Array): readonly Descriptor[] {
  const manifest = parseManifest(bytes, mediaTypes.ociIndex);
  return manifest.kind === "index" ? manifest.manifests : [];
}
