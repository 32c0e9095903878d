/**
 * Which requests to docker's engine can bring in or start an image. What is not listed as harmless and is not decided is refused: a later engine may
 * have other ways to bring in images.
 */
import type { EngineCall } from "./engine-call.ts";

/** What a request does, as far as images are concerned. */
export type CallKind =
  | "harmless"
  | "pull"
  | "create"
  | "service"
  | "plugin"
  /** brings in an image that is not a registry's: a build, an archive, a task of another manager */
  | Exemption
  | "unknown";

/** What an administrator can allow without a decision. */
export type Exemption = "build" | "load" | "swarm-join";

const decided: ReadonlyMap<string, CallKind> = new Map([
  ["/images/create", "pull"],
  ["/images/load", "load"],
  ["/containers/create", "create"],
  ["/services/create", "service"],
  ["/plugins/pull", "plugin"],
  ["/plugins/create", "load"],
  ["/build", "build"],
  ["/session", "build"],
  ["/grpc", "build"],
  ["/swarm/join", "swarm-join"],
]);

/** Of requests that change something. Reading, and removing with DELETE, brings in nothing. */
const harmless: readonly RegExp[] = [
  /^\/auth$/u,
  /^\/commit$/u,
  /^\/build\/(?:cancel|prune)$/u,
  /^\/(?:containers|images|networks|volumes)\/prune$/u,
  /^\/containers\/.+\/(?:attach|checkpoints|copy|exec|kill|pause|rename|resize|restart|start|stop|unpause|update|wait)$/u,
  /^\/exec\/.+\/(?:resize|start)$/u,
  /^\/images\/.+\/(?:push|tag)$/u,
  /^\/(?:networks|volumes|secrets|configs)\/create$/u,
  /^\/networks\/.+\/(?:connect|disconnect)$/u,
  /^\/(?:nodes|secrets|configs)\/[^/]+\/update$/u,
  /^\/plugins\/.+\/(?:disable|enable|push|set)$/u,
  /^\/swarm\/(?:init|leave|unlock|update)$/u,
];

const readingMethods: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "DELETE"]);

/** The kind of a request. Methods and paths count as they are written, as they do for the engine's router. */
export function kindOfCall({ method, path }: Pick<EngineCall, "method" | "path">): CallKind {
  if (readingMethods.has(method)) return "harmless";
  if (method === "PUT") return /^\/(?:containers\/.+\/archive|volumes\/.+)$/u.test(path) ? "harmless" : "unknown";
  if (method !== "POST") return "unknown";
  const kind = decided.get(path);
  if (kind !== undefined) return kind;
  if (/^\/services\/[^/]+\/update$/u.test(path)) return "service";
  if (/^\/plugins\/.+\/upgrade$/u.test(path)) return "plugin";
  return harmless.some((pattern) => pattern.test(path)) ? "harmless" : "unknown";
}
