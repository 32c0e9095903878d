/** Finds policies, which switch content trust on for every command of Tagseal. */
import { hasCode } from "../../errors.ts";
import type { Io } from "../io.ts";
import { loadPolicies } from "../open/policies.ts";
import { policyFiles, withPolicySwitch } from "../open/policy-files.ts";
import { type Finding, ok, problem } from "./finding.ts";

/** The policies in force; undefined when there are none, or the user's is put aside. */
export async function checkPolicies(io: Io): Promise<Finding | undefined> {
  if (withPolicySwitch(io) === io) return undefined;
  const paths = policyFiles(io).map(({ path }) => path);
  try {
    await loadPolicies(io);
    return ok("switch", `content trust is on: ${paths.join(" and ")} decide${paths.length === 1 ? "s" : ""}`);
  } catch (error) {
    if (!hasCode(error, "POLICY_INVALID")) throw error;
    return problem("policy", `${error.message}; every image is refused`, "tagseal policy show");
  }
}
