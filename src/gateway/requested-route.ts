/** What a request asks the gateway for, by its path. */
import { parseRegistryRoute, type RegistryRoute } from "../registry/registry-route.ts";
import { GatewayRefusal } from "./gateway-refusal.ts";

/** What is answered under the policy. */
export type ServedRoute = Extract<RegistryRoute, { readonly kind: "manifest" | "blob" | "tags" | "referrers" }>;

const servedKinds: ReadonlySet<RegistryRoute["kind"]> = new Set(["manifest", "blob", "tags", "referrers"]);

/** `sha256%3A…` is how some clients write a digest; nothing else in a path needs an escape. */
const escapedColon = /(?<=\/)(sha(?:256|512))%3[aA](?=[0-9a-f]+$)/u;

/**
 * A path that another reader would understand differently is refused: dots that go up, escapes, the address of another host.
 *
 * @throws GatewayRefusal `NAME_INVALID`
 */
export function requestedUrl(target: string): URL {
  const base = "http://gateway.invalid";
  const isPlain = target.startsWith("/") && !target.startsWith("//") && URL.canParse(target, base);
  const url = new URL(isPlain ? target : "/", base);
  const path = target.split(/[?#]/u, 1)[0];
  if (!isPlain || url.pathname !== path) throw new GatewayRefusal(400, "NAME_INVALID", "the path is malformed");
  return url;
}

/** What the path of {@link requestedUrl} is about. */
export function requestedRoute({ pathname }: URL): RegistryRoute {
  return parseRegistryRoute(pathname.replace(escapedColon, "$1:"));
}

/** True for what is answered under the policy. */
export function isServed(route: RegistryRoute): route is ServedRoute {
  return servedKinds.has(route.kind);
}

/** The refusal of what is not. */
export function notServed(route: Exclude<RegistryRoute, ServedRoute>): GatewayRefusal {
  if (route.kind === "invalid")
    return new GatewayRefusal(400, route.code, "the path has a malformed name, tag or digest");
  if (route.kind === "catalog") return new GatewayRefusal(405, "UNSUPPORTED", "the gateway has no catalogue");
  if (route.kind === "unknown") return new GatewayRefusal(404, "NAME_UNKNOWN", "there is no such page");
  return onlyPulls(false);
}

/** The refusal of a request that would change something. */
export function onlyPulls(takesPushes: boolean): GatewayRefusal {
  const message = takesPushes
    ? "the gateway passes on pulls and pushes only; delete at the registry itself"
    : "the gateway serves pulls only; push to the registry itself (or its operator starts it with --registry, --pass-through and --pushes)";
  return new GatewayRefusal(405, "UNSUPPORTED", message);
}
