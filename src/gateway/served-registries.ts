/** Which registries the gateway asks: those that its operator names, or that the policies have rules for. It is not a proxy to anywhere. */
import { TagsealError } from "../errors.ts";
import type { Policy } from "../policy/policy.ts";
import { scopesOf } from "../policy/scope.ts";
import { GatewayRefusal } from "./gateway-refusal.ts";
import type { Repository } from "./served-name.ts";

/** What says which registries are served. */
export interface ServedRegistries {
  /** those that the operator names; those that the policies name, when absent */
  readonly upstreams?: readonly string[] | undefined;
  /** the one that the gateway stands in front of */
  readonly registry?: string | undefined;
  readonly policies: readonly Policy[];
}

/**
 * The check of a name before anything is asked about it; the check throws GatewayRefusal `DENIED`.
 *
 * @throws TagsealError `SERVER_CONFIGURATION` when nothing says which registries
 */
export function servedRegistries({ upstreams = [], registry, policies }: ServedRegistries): (name: Repository) => void {
  const named = registry === undefined ? upstreams : [...upstreams, registry];
  const ruled = policies.flatMap(({ rules }) => [...rules.keys()].map((scope) => scope.split("/", 1)[0] ?? scope));
  const served = new Set(named.length > 0 ? named : ruled);
  if (served.size === 0)
    throw new TagsealError("SERVER_CONFIGURATION", "nothing says which registries the gateway serves", {
      hint: "Name them with --upstream, or write rules for them in the policy.",
    });
  return (name) => {
    if (scopesOf({ ...name, tag: undefined, digest: undefined }).some((scope) => served.has(scope))) return;
    throw new GatewayRefusal(403, "DENIED", `the gateway does not serve ${name.registry}`, { reason: "NOT_SERVED" });
  };
}
