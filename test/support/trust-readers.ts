/** The same question asked of each implementation: which tags are signed, and for which digests? */
import { dockerInspect } from "./docker-words.ts";
import type { Client } from "./clients.ts";

/** Digests as `sha256:<hex>` by tag, sorted by tag. */
export type SignedTags = Readonly<Record<string, string>>;

function sorted(entries: readonly (readonly [string, string])[]): SignedTags {
  return Object.fromEntries([...entries].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** What `docker trust inspect` says. */
export async function tagsSeenByDocker(user: Client, repository: string): Promise<SignedTags> {
  const { SignedTags } = await dockerInspect(user, repository);
  return sorted(SignedTags.map(({ SignedTag, Digest }) => [SignedTag, `sha256:${Digest}`]));
}

/** What `notary list` says of the roles that clients accept; its table has NAME, DIGEST, SIZE and ROLE columns. */
export async function tagsSeenByNotary(user: Client, repository: string): Promise<SignedTags> {
  const { stdout } = await user.notaryOk(["list", repository, "-r", "targets/releases", "-r", "targets"]);
  const rows = [...stdout.matchAll(/^\s*(\S+)\s+([0-9a-f]{64})\s+\d+\s+targets/gmu)];
  return sorted(rows.map(([, tag = "", hex = ""]) => [tag, `sha256:${hex}`]));
}

/** What `tagseal list` says. */
export async function tagsSeenByTagseal(user: Client, repository: string): Promise<SignedTags> {
  const { stdout } = await user.tagsealOk(["list", "--json", repository]);
  const tags = JSON.parse(stdout) as readonly { readonly tag: string; readonly digest: string }[];
  return sorted(tags.map(({ tag, digest }) => [tag, digest]));
}
