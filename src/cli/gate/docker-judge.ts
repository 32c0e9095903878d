/** What the authorization plugin of docker's daemon decides with: the policies, logins and trust data of this account, and the daemon that asks. */
import { UsageError } from "../../errors.ts";
import type { Exemption } from "../../gates/docker/call-kind.ts";
import { CallJudge, type EngineView } from "../../gates/docker/call-judge.ts";
import { Decisions } from "../../gates/decisions.ts";
import { verdictLog } from "../../gates/verdict-log.ts";
import type { Digest } from "../../reference/digest.ts";
import type { ImageReference } from "../../reference/image-reference.ts";
import type { EngineConnection } from "../../engine/api/engine-connection.ts";
import type { ServerLog } from "../../service/log.ts";
import type { Io } from "../io.ts";
import { listingHere } from "../open/decide.ts";
import { dockerConfigDir } from "../open/directories.ts";
import { loadPolicies } from "../open/policies.ts";
import { openRegistry } from "../open/registry.ts";
import { openTrust } from "../open/trust.ts";
import { memoryVariable } from "../options/trust-flags.ts";

/** How the plugin decides. */
export interface DockerJudgeSettings {
  /** what is allowed without a decision */
  readonly exempt: ReadonlySet<Exemption>;
  /** a trust server is asked at most this often for one repository, in milliseconds */
  readonly refreshMs: number;
  readonly log: ServerLog;
}

/** A judge, and how it gets other policies. */
export interface DockerJudge {
  readonly judge: CallJudge;
  /** Reads the policies again. @throws UsageError `POLICY_INVALID`; the previous ones stay in force */
  readonly reload: () => Promise<void>;
}

/** Opens what is needed to decide. @throws UsageError `POLICY_INVALID`, `USAGE` for a daemon on another machine */
export async function openDockerJudge(io: Io, { exempt, refreshMs, log }: DockerJudgeSettings): Promise<DockerJudge> {
  // what is not remembered could be rolled back by the next answer
  const remembering = { ...io, env: { [memoryVariable]: "1", ...io.env } };
  const decisions = new Decisions({
    policies: await loadPolicies(io),
    now: io.now,
    refreshMs,
    open: async (requirements) =>
      await openTrust(remembering, requirements.reference, {
        access: "read",
        notify: ({ kind, gun }) => log.write("info", "trust", { kind, gun }),
        requirements,
      }),
    findListing: (reference) => listingHere(io, reference),
  });
  const noteVerdict = verdictLog(log);
  const judge = new CallJudge({
    exempt,
    engine: await engineOfThisMachine(io),
    decide: async (reference) => {
      const { verdict } = await decisions.decide(reference);
      noteVerdict(reference, verdict);
      return verdict;
    },
    registryDigest: async (reference) => await registryDigest(io, reference),
  });
  return { judge, reload: async () => decisions.usePolicies(await loadPolicies(io)) };
}

async function registryDigest(io: Io, reference: ImageReference): Promise<Digest> {
  const registry = await openRegistry(io, reference);
  try {
    return (await registry.resolve(reference.tag ?? "latest")).digest;
  } finally {
    registry.close();
  }
}

async function engineOfThisMachine(io: Io): Promise<EngineView> {
  const { EngineContents } = await import("../../engine/api/engine-contents.ts");
  return new EngineContents(await connectHere(io));
}

/** Reaches the daemon of this machine. @throws UsageError `USAGE` for one on another machine, at its first request */
export async function connectHere(io: Io): Promise<EngineConnection> {
  const { findEngineAddress } = await import("../../engine/api/engine-address.ts");
  const connections = await import("../../engine/api/engine-connection.ts");
  const address = await findEngineAddress({ globalArgs: [], env: io.env, dockerConfigDir: dockerConfigDir(io) });
  return new connections.EngineConnection(address, { dialStdio: onlyHere });
}

function onlyHere(): never {
  throw new UsageError("USAGE", "the daemon that asks is on this machine", { hint: "Name its socket in DOCKER_HOST." });
}
