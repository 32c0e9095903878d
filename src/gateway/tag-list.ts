/** Answers with the tags of a repository: those that are signed and may be used; where no rule is enforced, those that the registry lists. */
import { setImmediate } from "node:timers/promises";
import type { Decisions } from "../gates/decisions.ts";
import { releasedEntries } from "../trust/reading/released-tags.ts";
import type { TrustedCollection } from "../tuf/trusted-collection.ts";
import { type Answer, jsonAnswer } from "./answer.ts";
import { GatewayRefusal, refusalOfVerdict } from "./gateway-refusal.ts";
import type { Repository } from "./served-name.ts";
import type { Upstreams } from "./upstreams.ts";

/** What tags are listed with. */
export interface TagListParts {
  readonly decisions: Decisions;
  readonly upstreams: Upstreams;
}

const maxPage = 10_000;
/** where a registry says that its list goes on: after a tag, or as it calls the next page */
const continuations = ["last", "next_page"] as const;
const maxContinuation = 4_096;
/** Tags with a rule for each of them that is not enforced: more of them are not looked up. */
const maxNamedTags = 100;

/**
 * The tags of a repository that may be used.
 *
 * @throws GatewayRefusal; NetworkError
 * @see OCI distribution-spec 1.1, listing tags
 */
export async function tagListAnswer(parts: TagListParts, name: Repository, url: URL): Promise<Answer> {
  const isEnforced = parts.decisions.isEnforced({ ...name, tag: undefined, digest: undefined });
  return isEnforced ? await signedList(parts, name, url) : await registryList(parts, name, url);
}

/** In the order of registries. */
async function signedList(parts: TagListParts, name: Repository, url: URL): Promise<Answer> {
  const { count } = pageOf(url);
  const last = url.searchParams.get("last") ?? "";
  const tags = (await usableTags(parts, name)).filter((tag) => last === "" || tag > last);
  const shown = tags.slice(0, count);
  const next = tags.length > shown.length ? shown.at(-1) : undefined;
  return listAnswer(url, shown, next === undefined ? undefined : { n: String(count), last: next });
}

/** A page as the registry cuts it, without the tags whose rules are enforced and refuse them. */
async function registryList({ decisions, upstreams }: TagListParts, name: Repository, url: URL): Promise<Answer> {
  const { tags, next } = await upstreams.use(name, async (client) => await client.tagPage(registryQuery(url)));
  const shown = await usable(tags, async (tag) => {
    const reference = { ...name, tag, digest: undefined };
    if (!decisions.isEnforced(reference)) return true;
    return (await decisions.decideFromHeld(reference)).verdict.outcome === "allowed";
  });
  return listAnswer(url, shown, next && continuationOf(next, tags.at(-1)));
}

function registryQuery(url: URL): URLSearchParams {
  const { asked, count } = pageOf(url);
  const query = new URLSearchParams(asked ? { n: String(count) } : {});
  for (const key of continuations) {
    const value = url.searchParams.get(key);
    if (value === null) continue;
    if (value.length > maxContinuation) throw new GatewayRefusal(400, "UNSUPPORTED", `${key} is too long`);
    query.set(key, value);
  }
  return query;
}

/** What the registry calls its next page. One that it calls otherwise begins after the last tag of this one. */
function continuationOf(next: URL, last: string | undefined): Readonly<Record<string, string>> | undefined {
  const named = [...next.searchParams].filter(([key]) => continuations.some((each) => each === key));
  if (named.length === 0 && last === undefined) return undefined;
  const count = next.searchParams.get("n");
  return {
    ...(count === null ? {} : { n: count }),
    ...(named.length === 0 ? { last: last ?? "" } : Object.fromEntries(named)),
  };
}

/** The signed tags that may be used, and the others that have a rule which is not enforced, if the registry has them. */
async function usableTags(parts: TagListParts, name: Repository): Promise<readonly string[]> {
  const { decisions, upstreams } = parts;
  const reading = await decisions.reading(name);
  const unsigned = decisions.tagsNotEnforced(name).slice(0, maxNamedTags);
  const isThere = async (tag: string): Promise<boolean> =>
    (await upstreams.use(name, async (client) => await client.findManifest(tag))) !== undefined;
  const there = await usable(unsigned, isThere);
  if ("collection" in reading)
    return [...new Set([...(await signedTags(decisions, name, reading.collection)), ...there])].sort();
  if (there.length === 0) throw refusalOfVerdict(reading);
  return there.toSorted();
}

async function signedTags(
  decisions: Decisions,
  name: Repository,
  collection: TrustedCollection,
): Promise<readonly string[]> {
  const signed = [...new Set(releasedEntries(collection, () => undefined).map(({ tag }) => tag))];
  const isAllowed = async (tag: string): Promise<boolean> =>
    (await decisions.decideFromHeld({ ...name, tag, digest: undefined })).verdict.outcome === "allowed";
  const listing = signedOf.get(collection) ?? usable(signed, isAllowed);
  signedOf.set(collection, listing);
  return await listing;
}

/** Decided once for each reading: other policies, and other trust data, come with another one. */
const signedOf = new WeakMap<TrustedCollection, Promise<readonly string[]>>();

/** Of ten thousand tags, others may be answered meanwhile. */
const decidedAtOnce = 500;

async function usable(tags: readonly string[], isUsable: (tag: string) => Promise<boolean>): Promise<string[]> {
  const found: string[] = [];
  for (const [index, tag] of tags.entries()) {
    if (index % decidedAtOnce === decidedAtOnce - 1) await setImmediate();
    if (await isUsable(tag)) found.push(tag);
  }
  return found;
}

function pageOf({ searchParams }: URL): { readonly asked: boolean; readonly count: number } {
  const asked = searchParams.get("n");
  if (asked !== null && !/^\d{1,9}$/u.test(asked)) throw new GatewayRefusal(400, "UNSUPPORTED", "n is not a number");
  return { asked: asked !== null, count: Math.min(maxPage, asked === null ? maxPage : Number(asked)) };
}

/** The body has the name as in the request's path, and the link to the next page. */
function listAnswer(url: URL, tags: readonly string[], next: Readonly<Record<string, string>> | undefined): Answer {
  const [name = ""] = /(?<=^\/v2\/).+(?=\/tags\/list$)/u.exec(url.pathname) ?? [];
  if (next === undefined) return jsonAnswer(200, { name, tags });
  const query = new URLSearchParams(url.searchParams);
  for (const key of continuations) query.delete(key);
  for (const [key, value] of Object.entries(next)) query.set(key, value);
  return jsonAnswer(200, { name, tags }, { link: `<${url.pathname}?${query.toString()}>; rel="next"` });
}
