/** Which image a request to the gateway is about: its original name, however the gateway was asked. */
import { hasCode } from "../errors.ts";
import { gunOf, type ImageReference, parseImageReference } from "../reference/image-reference.ts";
import { checkRegistry, checkRepository } from "../reference/reference-grammar.ts";
import { GatewayRefusal } from "./gateway-refusal.ts";
import type { PassedLogin } from "./passed-login.ts";

/** A repository under its original name. */
export interface Repository extends Pick<ImageReference, "registry" | "repository"> {
  /** the client's, which its registry is shown in the place of the gateway's own */
  readonly login?: PassedLogin | undefined;
}

/** The name of a registry in the path that the gateway serves it at. */
export function pathOfRegistry(registry: string): string {
  return registry.replace(/:(\d{1,5})$/u, "_$1");
}

/**
 * The repository that a path and a query name.
 *
 * Clients name it by the gateway's path (`registry.example.com/team/app`, with `_5000` for a port), by the query `ns`, which containerd sends to
 * mirrors, or alone, when the gateway stands in front of one registry. Engines that are set up for several registries name that one as well.
 *
 * @param path the repository in the request's path
 * @param registry the one that the gateway stands in front of
 * @throws GatewayRefusal `NAME_INVALID`, `NAME_UNKNOWN`
 */
export function servedName(path: string, query: URLSearchParams, registry: string | undefined): Repository {
  const spaces = query.getAll("ns");
  if (spaces.length > 1) throw new GatewayRefusal(400, "NAME_INVALID", "the query names several registries");
  const [space] = spaces;
  try {
    if (space !== undefined && space !== "") return inRegistry(space, path);
    if (registry === undefined) return fromPath(path);
    const own = `${pathOfRegistry(registry)}/`;
    return inRegistry(registry, path.startsWith(own) ? path.slice(own.length) : path);
  } catch (error) {
    if (!hasCode(error, "REFERENCE_INVALID")) throw error;
    const hint = error.hint === undefined ? "" : ` (${error.hint})`;
    throw new GatewayRefusal(400, "NAME_INVALID", `${error.message}${hint}`);
  }
}

/** The same registry in the words of containerd and of docker's clients. */
const namesOfDockerHub: ReadonlySet<string> = new Set(["index.docker.io", "registry-1.docker.io"]);

/** Docker's spellings of one repository are one name, or one of them could have other rules. */
function inRegistry(named: string, path: string): Repository {
  checkRegistry(named);
  checkRepository(path);
  const wanted = namesOfDockerHub.has(named) ? "docker.io" : named;
  const { registry, repository } = parseImageReference(`${wanted}/${path}`);
  if (registry !== wanted) throw new GatewayRefusal(400, "NAME_INVALID", `"${named}" is not a registry`);
  return { registry, repository };
}

function fromPath(path: string): Repository {
  const slash = path.indexOf("/");
  const first = path.slice(0, Math.max(0, slash)).replace(/_(\d{1,5})$/u, ":$1");
  if (first === "localhost" || /[.:]/u.test(first)) return inRegistry(first, path.slice(slash + 1));
  const message = "the name does not say which registry: write REGISTRY/REPOSITORY behind the gateway's address";
  throw new GatewayRefusal(404, "NAME_UNKNOWN", message);
}

/** Under what something is remembered that a registry gave: the repository, and the login that it was given to. */
export function upstreamKey(name: Repository): string {
  return `${name.login?.scope ?? ""} ${gunOf(name)}`;
}
