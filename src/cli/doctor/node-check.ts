/** Whether the engines of this machine ask Tagseal, whatever their clients are. */
import type { Io } from "../io.ts";
import { checkContainerd } from "./containerd-check.ts";
import { checkDockerDaemon } from "./docker-daemon-check.ts";
import { type Finding, problem } from "./finding.ts";
import { checkPolicies } from "./policy-check.ts";

/**
 * Examines the engines of this machine, and the policies that their gates apply.
 *
 * @param containerdConfig the configuration of containerd
 */
export async function checkNode(io: Io, containerdConfig: string): Promise<readonly Finding[]> {
  const engines = (await Promise.all([checkContainerd(io, containerdConfig), checkDockerDaemon(io)])).flat();
  const policies = await checkPolicies(io);
  // a gate that was not seen to refuse is not known to be on
  const none = problem(
    "engine",
    "neither containerd nor a running docker daemon was found",
    "start the engine, and run this again",
  );
  return [...(policies === undefined ? [] : [policies]), ...(engines.length === 0 ? [none] : engines)];
}
