/**
 * Scopes: the names that a rule is about. `host`, `host/namespace`, `host/namespace/repository`, `host/namespace/repository:tag`, or `*.host` for
 * the hosts below a domain. The longest that matches decides; there are no other wildcards.
 */
import { TagsealError } from "../errors.ts";
import { formatReference, gunOf, type ImageReference, parseImageReference } from "../reference/image-reference.ts";
import { checkRegistry } from "../reference/reference-grammar.ts";

/** The scope of the rule for every other name. */
export const defaultScope = "default";

/**
 * Every scope that can be about a reference, the most specific first, without the default. A name with a digest and no tag has no scope with a tag.
 */
export function scopesOf(reference: ImageReference): readonly string[] {
  const gun = gunOf(reference);
  const parts = gun.split("/");
  const paths = parts.map((_, index) => parts.slice(0, parts.length - index).join("/"));
  const tagged = reference.tag === undefined ? [] : [`${gun}:${reference.tag}`];
  return [...tagged, ...paths, ...domainsOf(reference.registry)];
}

/** `*.b.example.com:5000`, then `*.example.com:5000` … for the host `a.b.example.com:5000`. */
function domainsOf(host: string): string[] {
  const labels = host.startsWith("[") ? [] : host.split(".");
  return labels.slice(1).map((_, index) => `*.${labels.slice(index + 1).join(".")}`);
}

/** A scope or name without its tag; a colon in the host is its port. */
export function withoutTag(scope: string): string {
  return scope.includes("/") ? scope.replace(/:[^/:]+$/u, "") : scope;
}

/**
 * Why a text cannot be a scope; undefined when it can. Short names of Docker Hub are refused, because `redis` would silently be another scope than the
 * `docker.io/library/redis` that is looked up.
 */
export function scopeFault(scope: string): string | undefined {
  if (scope.startsWith("*.")) return scope.includes("/") ? pathBehindWildcard : hostFault(scope.slice(2));
  if (scope.includes("*"))
    return "a wildcard is only allowed at the beginning, for the hosts below a domain: *.example.com";
  if (scope.includes("@")) return "a rule is about names and tags, so no digest can follow";
  if (!scope.includes("/")) return hostFault(scope);
  return nameFault(scope);
}

const pathBehindWildcard = "a wildcard is for whole hosts, so nothing may follow the domain";

function hostFault(host: string): string | undefined {
  const fault = faultOf(() => checkRegistry(host));
  if (fault !== undefined) return fault;
  if (host === "localhost" || /[.:]/u.test(host)) return undefined;
  return `${host} is not a host: write it with its registry, such as docker.io/library/${host}`;
}

function nameFault(scope: string): string | undefined {
  return faultOf(() => {
    const complete = formatReference(parseImageReference(scope));
    // A namespace of Docker Hub, such as docker.io/library, is not read as a repository of that name.
    if (complete === scope || complete === scope.replace(/^docker\.io\//u, "docker.io/library/")) return undefined;
    return `no image is called so; write ${complete}`;
  });
}

function faultOf(check: () => string | undefined | void): string | undefined {
  try {
    return check() ?? undefined;
  } catch (error) {
    if (error instanceof TagsealError) return error.hint ?? error.message;
    throw error;
  }
}

/** The next larger scope that can be one: without the tag or digest, without the last component, the hosts below the domain. */
export function scopeAround(scope: string): string | undefined {
  const shorter = shortened(scope);
  if (shorter === undefined || scopeFault(shorter) === undefined) return shorter;
  return scopeAround(shorter);
}

function shortened(scope: string): string | undefined {
  const path = scope.slice(scope.indexOf("/") + 1);
  const end = /@.*$|:[^/:]*$/u.exec(path)?.[0];
  if (scope.includes("/") && end !== undefined) return scope.slice(0, scope.length - end.length);
  if (scope.includes("/")) return scope.slice(0, scope.lastIndexOf("/"));
  const domain = scope.replace(/^\*\./u, "").replace(/^[^.]*\./u, "");
  return scope.includes(".") && domain.includes(".") ? `*.${domain}` : undefined;
}
