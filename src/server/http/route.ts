/**
 * From a request line to the route.
 *
 * Names of collections contain slashes, colons and dots, and role names contain slashes, so the path is cut at its first
 * `/_trust/` segment: a collection's name may not contain that segment, a role's may.
 */

import { isServerRole } from "../../tuf/role-name.ts";
import type { ServerRole } from "../../tuf/metadata.ts";
import type { RoleName } from "../../tuf/metadata.ts";
import { isRoleName } from "../../tuf/role-name.ts";

/** What a path names, independent of the method. */
export type Route =
  | { readonly kind: "ping" }
  | { readonly kind: "health" }
  | { readonly kind: "live" }
  | { readonly kind: "ready" }
  | { readonly kind: "metrics" }
  | { readonly kind: "openapi" }
  | { readonly kind: "token" }
  | { readonly kind: "changefeed"; readonly gun: string | undefined }
  | { readonly kind: "collection"; readonly gun: string }
  | { readonly kind: "proposals"; readonly gun: string }
  | { readonly kind: "proposal"; readonly gun: string; readonly id: string }
  | { readonly kind: "key"; readonly gun: string; readonly role: ServerRole }
  | { readonly kind: "current"; readonly gun: string; readonly role: RoleName }
  | { readonly kind: "checksum"; readonly gun: string; readonly role: RoleName; readonly checksum: string }
  | { readonly kind: "version"; readonly gun: string; readonly role: RoleName; readonly version: number };

const fixed: ReadonlyMap<string, Route> = new Map<string, Route>([
  ["/v2/", { kind: "ping" }],
  ["/_notary_server/health", { kind: "health" }],
  ["/_tagseal/live", { kind: "live" }],
  ["/_tagseal/ready", { kind: "ready" }],
  ["/metrics", { kind: "metrics" }],
  ["/openapi.json", { kind: "openapi" }],
  ["/_tagseal/token", { kind: "token" }],
  ["/v2/_trust/changefeed", { kind: "changefeed", gun: undefined }],
]);

const trustSegment = "/_trust/";
const fileName = /^(?:(\d{1,10})\.)?(.+?)(?:\.([0-9a-fA-F]{64,128}))?\.json$/u;
const proposalPath = /^proposals\/(?:([0-9a-f]{64}))?$/u;
const keyName = /^(snapshot|timestamp)\.key$/u;

/** Finds the route of a request target; undefined when no such thing exists. The GUN is not checked here. */
export function parseRoute(target: string): Route | undefined {
  const path = decodedPath(target);
  if (path === undefined) return undefined;
  const known = fixed.get(path);
  if (known !== undefined) return known;
  const cut = path.indexOf(trustSegment);
  if (!path.startsWith("/v2/") || cut < "/v2/".length) return undefined;
  return collectionRoute(path.slice("/v2/".length, cut), path.slice(cut + trustSegment.length));
}

/** The parameters behind the question mark. */
export function queryOf(target: string): URLSearchParams {
  const mark = target.indexOf("?");
  return new URLSearchParams(mark < 0 ? "" : target.slice(mark + 1));
}

function decodedPath(target: string): string | undefined {
  const mark = target.indexOf("?");
  const path = mark < 0 ? target : target.slice(0, mark);
  if (!path.includes("%")) return path;
  try {
    return decodeURIComponent(path);
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}

function collectionRoute(gun: string, rest: string): Route | undefined {
  if (rest === "changefeed") return { kind: "changefeed", gun };
  if (rest.startsWith("proposals/")) return proposalRoute(gun, rest);
  if (!rest.startsWith("tuf/")) return undefined;
  const name = rest.slice("tuf/".length);
  if (name === "") return { kind: "collection", gun };
  const keyRole = keyName.exec(name)?.[1];
  if (isServerRole(keyRole)) return { kind: "key", gun, role: keyRole };
  return fileRoute(gun, name);
}

function proposalRoute(gun: string, rest: string): Route | undefined {
  const match = proposalPath.exec(rest);
  if (match === null) return undefined;
  const [, id] = match;
  return id === undefined ? { kind: "proposals", gun } : { kind: "proposal", gun, id };
}

function fileRoute(gun: string, name: string): Route | undefined {
  const [, version, role, checksum] = fileName.exec(name) ?? [];
  if (role === undefined || !isRoleName(role)) return undefined;
  if (version !== undefined) {
    return checksum === undefined ? { kind: "version", gun, role, version: Number(version) } : undefined;
  }
  return checksum === undefined ? { kind: "current", gun, role } : { kind: "checksum", gun, role, checksum };
}
