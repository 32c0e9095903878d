/** The parts of a gateway: decisions, access to images, numbers, faults; and how they change when policies are read again. */
import { Decisions } from "../gates/decisions.ts";
import { verdictLog } from "../gates/verdict-log.ts";
import type { Policy } from "../policy/policy.ts";
import { currentClient } from "../service/current-request.ts";
import { Faults } from "../service/faults.ts";
import type { ServerLog } from "../service/log.ts";
import { Probe } from "../service/probe.ts";
import type { FileWatch } from "../service/watching/file-watch.ts";
import type { BlobCache } from "./blob-cache/blob-cache.ts";
import { Blobs } from "./blobs.ts";
import { ClientRights } from "./client-rights.ts";
import type { ContentRightParts } from "./content-right.ts";
import type { GatewayParts } from "./gateway-listener.ts";
import { GatewayMetrics } from "./gateway-metrics.ts";
import type { GatewayOptions } from "./gateway-options.ts";
import { ownPage } from "./gateway-pages.ts";
import { LoginGuesses } from "./proved-logins.ts";
import { ManifestMemory } from "./pushes/manifest-memory.ts";
import { PushJournal } from "./pushes/push-journal.ts";
import { Pushes } from "./pushes/pushes.ts";
import type { UploadSeal } from "./pushes/upload-seal.ts";
import { ImageAccess } from "./image-access.ts";
import type { PassedLogins } from "./passed-logins.ts";
import { PolicyReload } from "./policy-reload.ts";
import { servedRegistries } from "./served-registries.ts";
import { SignedContent } from "./signed-content.ts";
import { Upstreams } from "./upstreams.ts";

const defaultRefreshMs = 30_000;
const defaultGraceMs = 3_600_000;
const defaultPace = { windowMs: 60_000, minBytes: 8_192 };

/** The parts of a running gateway. */
export interface RunningParts extends GatewayParts {
  /** see `RunningGateway` */
  readonly reload: (read: () => Promise<readonly Policy[]>) => Promise<void>;
  readonly faults: Faults;
}

/** What everything that is watched needs. */
interface Watching {
  readonly log: ServerLog;
  readonly now: () => Date;
  readonly watch: FileWatch;
}

interface PushingParts extends Watching {
  readonly guesses: LoginGuesses;
  readonly passedLogins: PassedLogins;
  readonly uploadSeal: UploadSeal;
}

/** Makes the parts and connects them. @throws TagsealError `SERVER_CONFIGURATION` when nothing says which registries are served */
export function makeParts(
  options: GatewayOptions,
  watching: Watching &
    Pick<GatewayParts, "logins" | "proxies"> & {
      readonly blobCache: BlobCache | undefined;
      readonly passedLogins: PassedLogins;
      readonly uploadSeal: UploadSeal;
    },
): RunningParts {
  const { version = "unknown", memory } = options;
  const { log, now, watch, logins, blobCache, proxies, passedLogins } = watching;
  const metrics = new GatewayMetrics();
  const { decisions, upstreams, access } = deciding(options, watching, metrics);
  let requireServed = servedRegistries(options);
  const policy = new PolicyReload(watch, log, (next) => {
    requireServed = servedRegistries({ ...options, policies: next });
    decisions.usePolicies(next);
    access.forget();
  });
  const guesses = new LoginGuesses(now);
  const pushes = pushesFor(options, { ...watching, guesses });
  const memoryProbe = new Probe(async () => await memory?.check());
  const faults = watchedFaults({ ...watching, policy, memoryProbe });
  if (blobCache !== undefined) faults.watch("blob_cache", () => blobCache.fault);
  const page = metrics.page({
    readings: () => [decisions.readings],
    upstreams: () => (pushes === undefined ? [upstreams] : [upstreams, pushes.upstreams]),
    pushes: pushes?.journal.counts,
    blobCache,
    refusals: logins.refusals,
    faults,
    watch,
    build: { version, storage: memory?.kind ?? "given" },
    now,
  });
  return {
    decisions,
    upstreams,
    blobs: new Blobs(upstreams, blobCache),
    access,
    log,
    logins,
    rights: new ClientRights(
      options.passThrough ?? [],
      { upstreams, signedDigest: signedDigestBy(decisions), logins: passedLogins, guesses },
      now,
    ),
    pushes,
    proxies,
    faults,
    registry: options.registry,
    requireServed: (name) => requireServed(name),
    ownPage: async (path) => await ownPage(path, { metrics: page, faults, memoryProbe }),
    onAnswered: (seen) => metrics.noteRequest(seen),
    reload: async (read) => await policy.reload(read),
  };
}

/** How publishers push, if they may. */
function pushesFor(
  { pushes, registry, openUpstream }: GatewayOptions,
  { log, now, guesses, passedLogins: logins, uploadSeal: seal }: PushingParts,
): Pushes | undefined {
  if (pushes === undefined || registry === undefined) return undefined;
  const upstreams = new Upstreams(openUpstream, "push");
  const { pace = defaultPace } = pushes;
  const [journal, manifests] = [new PushJournal(log), new ManifestMemory()];
  return new Pushes({ registry, upstreams, guesses, logins, now, seal, pace, journal, manifests });
}

/** Decided without a line of the log: the client may turn out to have no right to know. */
function signedDigestBy(decisions: Decisions): ContentRightParts["signedDigest"] {
  return async (name, tag) => {
    const { verdict } = await decisions.decide({ ...name, tag, digest: undefined });
    return verdict.outcome === "allowed" ? verdict.digest : undefined;
  };
}

/** What decides about images, and what is asked for them. */
function deciding(options: GatewayOptions, { log, now }: Watching, metrics: GatewayMetrics) {
  const { policies, refreshMs = defaultRefreshMs, graceMs = defaultGraceMs } = options;
  const decisions = new Decisions({ policies, open: options.openTrust, now, refreshMs });
  const upstreams = new Upstreams(options.openUpstream);
  const logVerdict = verdictLog(log, currentClient);
  const onVerdict: typeof logVerdict = (reference, verdict) => {
    metrics.noteVerdict(verdict);
    logVerdict(reference, verdict);
  };
  const content = new SignedContent();
  return { decisions, upstreams, access: new ImageAccess({ decisions, upstreams, content, now, onVerdict, graceMs }) };
}

interface WatchedParts extends Watching {
  readonly policy: PolicyReload;
  readonly memoryProbe: Probe;
}

function watchedFaults({ log, watch, policy, memoryProbe }: WatchedParts): Faults {
  const faults = new Faults(log);
  faults.watch("memory", () => memoryProbe.fault, memoryProbe);
  faults.watch("policy", () => policy.fault);
  for (const part of watch.parts) faults.watch(part, () => watch.fault(part));
  return faults;
}
