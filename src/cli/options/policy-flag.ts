/** The variable with the path of a policy, in the place of the user's. */
export const policyVariable = "TAGSEAL_POLICY";

/** The variable of every command that a policy governs, for help. */
export const policyEnvironment: readonly (readonly [string, string])[] = [
  [policyVariable, "file with a policy, beside /etc/tagseal/policy.json (default: policy.json in the trust directory)"],
];
