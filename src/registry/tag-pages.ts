/** The tags of a repository, page by page. */
import { NetworkError } from "../errors.ts";
import { describeUrl } from "../http/client/network-failure.ts";
import { nextPage, parseTags } from "./registry-response.ts";
import type { RepositoryRequests } from "./repository-requests.ts";

const maxTagPages = 10_000;
const maxPageBytes = 8 * 1024 * 1024;

/** Tags in the registry's order. */
export interface TagPage {
  readonly tags: readonly string[];
  /** where the registry says that its list goes on; undefined for the last page */
  readonly next: URL | undefined;
}

/** Fetches one page. @throws NetworkError `REGISTRY_NOT_FOUND`, `RESPONSE_MALFORMED` (invalid tags), and as requests do */
export async function fetchTagPage(requests: RepositoryRequests, url: URL): Promise<TagPage> {
  const response = await requests.sendTo({ method: "GET", url, acceptGzip: true });
  if (response.status !== 200) throw await requests.refusal(response, "a GET of the tag list");
  const tags = parseTags(response, await response.bytes(maxPageBytes));
  return { tags, next: nextPage(response) };
}

/** Every tag. @throws NetworkError as {@link fetchTagPage}, and `RESPONSE_MALFORMED` for endless pages */
export async function* everyTag(requests: RepositoryRequests): AsyncGenerator<string, void> {
  let url: URL | undefined = await requests.urlOf("tags/list?n=1000");
  for (let page = 0; url !== undefined; page++) {
    if (page >= maxTagPages)
      throw new NetworkError("RESPONSE_MALFORMED", `${describeUrl(url)} has more than ${maxTagPages} pages`);
    const { tags, next }: TagPage = await fetchTagPage(requests, url);
    yield* tags;
    url = next;
  }
}
