import type { TrustContext } from "../trust-context.ts";

/** Warns of changes that another tool staged here, which neither a publication nor a proposal contains. */
export async function warnOfStagedChanges(context: TrustContext): Promise<void> {
  const { gun, notify } = context;
  const count = await context.stagedChanges();
  if (count === 0) return;
  const changes = count === 1 ? "1 change" : `${count} changes`;
  const message = `another tool staged ${changes} for ${gun} on this machine: not published now, but its next publish will publish them`;
  notify({ kind: "warning", gun, message });
}
