/** What each route does for each method, which permission it needs, and its name in the metrics. Notary v1: endpoints. */

import type { IncomingMessage } from "node:http";
import type { LogFields } from "../../service/log.ts";
import type { ServerRole } from "../../tuf/metadata.ts";
import type { Asker } from "../../login/access-request.ts";
import type { TokenEndpoint } from "./authorise.ts";
import type { TrustedProxies } from "../../http/server/client-address.ts";
import type { Handlers } from "./collection-requests.ts";
import { healthReply } from "./health.ts";
import type { Metrics, Operation } from "../../service/metrics.ts";
import { openapiReply } from "./openapi.ts";
import type { RateClass } from "./rate-limit.ts";
import { liveReply, readyReply, type ReadinessParts } from "./readiness.ts";
import { textReply, type Reply } from "./reply.ts";
import type { ProposalHandlers } from "./proposal-requests.ts";
import { queryOf, type Route } from "./route.ts";

/** What one route and method do together. */
export interface Action {
  /** absent: not counted in the metrics */
  readonly operation?: Operation;
  /** actions that need permission; empty: any user may; absent: no permission needed */
  readonly access?: readonly string[];
  /** the rate limit it counts towards; absent: none */
  readonly pace?: RateClass;
  /** the event of the log when a change is refused to a user who has permission */
  readonly refusedAs?: string;
  /** `caller` names the caller, as fields of a log line; an action that finds out the caller itself passes it to `onAsker` */
  readonly run: (caller: () => LogFields, onAsker: (asker: Asker) => void) => Promise<Reply>;
}

/** The parts that do the work. */
export interface ActionParts {
  readonly handlers: Handlers;
  readonly proposals: ProposalHandlers;
  readonly monitoring: ReadinessParts;
  readonly metrics: Metrics;
  /** health and metrics are for users only */
  readonly protectMonitoring: boolean;
  readonly tokenEndpoint: TokenEndpoint | undefined;
  readonly trustedProxies: TrustedProxies;
}

type Actions = { readonly [method in "GET" | "POST" | "DELETE"]?: Action };

/** The action for a request; undefined when the route does not support the method. HEAD is treated as GET. */
export function actionOf(route: Route, request: IncomingMessage, parts: ActionParts): Action | undefined {
  const actions = actionsOf(route, request, parts);
  switch (request.method ?? "") {
    case "GET":
    case "HEAD":
      return actions.GET;
    case "POST":
      return actions.POST;
    case "DELETE":
      return actions.DELETE;
    default:
      return undefined;
  }
}

function actionsOf(route: Route, request: IncomingMessage, parts: ActionParts): Actions {
  const { handlers } = parts;
  switch (route.kind) {
    case "ping":
      // Off-spec: Notary asks for the whole catalogue here, a scope that no `docker login` gets.
      return { GET: { access: [], pace: "reads", run: async () => textReply("{}") } };
    case "health":
    case "live":
    case "ready":
    case "openapi":
    case "metrics":
      return { GET: monitoringAction(route.kind, parts) };
    case "token":
      return tokenActions(request, parts);
    case "changefeed":
      return { GET: changefeedAction(handlers, request, route.gun) };
    case "collection":
      return collectionActions(handlers, request, route.gun);
    case "proposals":
    case "proposal":
      return proposalActions(parts.proposals, request, route);
    case "key":
      return keyActions(handlers, route.gun, route.role);
    case "current":
      return { GET: read("GetRole", () => handlers.current(request, route.gun, route.role)) };
    case "checksum":
      return { GET: read("GetRoleByHash", () => handlers.byChecksum(request, route.gun, route.role, route.checksum)) };
    case "version":
      break;
  }
  return { GET: read("GetRoleByVersion", () => handlers.byVersion(request, route.gun, route.role, route.version)) };
}

type Monitored = "health" | "live" | "ready" | "openapi" | "metrics";

/** What load balancers, monitoring and tools ask. Liveness and the description of the API hold nothing confidential: they are never protected. */
function monitoringAction(kind: Monitored, { monitoring, metrics, protectMonitoring }: ActionParts): Action {
  const guard = protectMonitoring ? { access: [] } : {};
  switch (kind) {
    case "health":
      return { ...guard, run: () => healthReply(monitoring) };
    case "live":
      return { run: async () => liveReply() };
    case "ready":
      return { ...guard, run: () => readyReply(monitoring) };
    case "openapi":
      return { run: async () => openapiReply() };
    case "metrics":
      break;
  }
  return { ...guard, run: async () => textReply(metrics.toText(), "text/plain; version=0.0.4; charset=utf-8") };
}

function tokenActions(request: IncomingMessage, { tokenEndpoint, trustedProxies }: ActionParts): Actions {
  if (tokenEndpoint === undefined) return {};
  const { headers } = request;
  const [remoteAddress, isUnknownProxy] = [trustedProxies.clientOf(request), trustedProxies.isUnknown(request)];
  const run: Action["run"] = (_caller, onAsker) => tokenEndpoint({ headers, remoteAddress, isUnknownProxy }, onAsker);
  return { GET: { pace: "reads", run } };
}

/** The changes of one collection, or of all of them, for administrators only. */
function changefeedAction(handlers: Handlers, request: IncomingMessage, gun: string | undefined): Action {
  const run = (): Promise<Reply> => handlers.changefeed(gun, queryOf(request.url ?? ""));
  return { operation: "Changefeed", access: gun === undefined ? ["*"] : ["pull"], pace: "reads", run };
}

function collectionActions(handlers: Handlers, request: IncomingMessage, gun: string): Actions {
  return {
    POST: {
      ...change("UpdateTUF", ["push", "pull"], "uploads", (caller) => handlers.publish(request, gun, caller())),
      refusedAs: "publication refused",
    },
    DELETE: {
      ...change("DeleteTUF", ["*"], "uploads", (caller) => handlers.remove(gun, caller())),
      refusedAs: "deletion refused",
    },
  };
}

function proposalActions(
  handlers: ProposalHandlers,
  request: IncomingMessage,
  route: Extract<Route, { readonly kind: "proposals" | "proposal" }>,
): Actions {
  const { gun } = route;
  if (route.kind === "proposals")
    return {
      GET: read("ListProposals", () => handlers.list(gun)),
      POST: {
        ...change("SubmitProposal", ["push", "pull"], "uploads", (caller) => handlers.submit(request, gun, caller())),
        refusedAs: "proposal refused",
      },
    };
  return {
    GET: read("GetProposal", () => handlers.find(gun, route.id)),
    DELETE: {
      ...change("WithdrawProposal", ["push", "pull"], "uploads", (caller) =>
        handlers.withdraw(gun, route.id, caller()),
      ),
      refusedAs: "withdrawal refused",
    },
  };
}

function keyActions(handlers: Handlers, gun: string, role: ServerRole): Actions {
  return {
    GET: change("GetKey", ["push", "pull"], "keys", () => handlers.key(gun, role)),
    POST: {
      ...change("RotateKey", ["*"], "keys", (caller) => handlers.rotateKey(gun, role, caller())),
      refusedAs: "key rotation refused",
    },
  };
}

function read(operation: Operation, run: () => Promise<Reply>): Action {
  return { operation, access: ["pull"], pace: "reads", run };
}

/** What only publishers need. */
function change(operation: Operation, access: readonly string[], pace: RateClass, run: Action["run"]): Action {
  return { operation, access, pace, run };
}
