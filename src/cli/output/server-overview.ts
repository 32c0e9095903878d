/** One repository of a server, as JSON and as text. */
import type { CollectionOverview, SignerOverview } from "../../server/inspection/overview.ts";
import { bytesText } from "./progress.ts";
import { textTable } from "./text-table.ts";

/** The stable members of `tagseal server list --json` and `show --json`. */
export function overviewJson(overview: CollectionOverview): unknown {
  const { gun, publishedAt, ...rest } = overview;
  return { repository: gun, publishedAt: publishedAt ?? null, ...rest };
}

/** The signers in docker's words: by name; `(Repo Admin)` where only the repository key may sign. */
export function signerNames({ signers }: CollectionOverview): readonly string[] {
  const names = signers.filter(({ role }) => role !== "targets" && role !== "targets/releases").map(nameOf);
  return names.length === 0 ? ["(Repo Admin)"] : names;
}

/** Everything about one repository, as text. */
export function overviewText(overview: CollectionOverview): string {
  const { gun, tags, files, bytes, publishedAt, versions, snapshotKey } = overview;
  const facts = textTable([
    ["Repository", gun],
    ["Signed tags", `${tags}`],
    ["Stored", `${files} files, ${bytesText(bytes)}`],
    ["Published", publishedAt?.toISOString() ?? "-"],
    ["Snapshot key", snapshotKey === "owner" ? "its owner's" : snapshotKey === "server" ? "the server's" : "not known"],
  ]);
  const expiries = overview.expiries.map(({ what, expiresAt }) => [what, expiresAt.toISOString()]);
  const current = Object.entries(versions).map(([role, version]) => [role, `${version}`]);
  const signers = overview.signers.map((signer) => [
    nameOf(signer),
    `${signer.tags}`,
    signer.keyIds.map((keyId) => keyId.slice(0, 12)).join(", "),
  ]);
  const serverKeys = overview.serverKeys.map(({ role, keyId, place }) => [role, keyId.slice(0, 12), placeText(place)]);
  const problems = overview.problems.map(({ code, message }) => `problem: ${message} [${code}]\n`);
  return [
    facts,
    textTable([["OWNERS SIGN AGAIN", "BY"], ...expiries]),
    textTable([["SIGNER", "TAGS", "KEYS"], ...signers]),
    textTable([["ROLE", "VERSION"], ...current]),
    ...(serverKeys.length === 0 ? [] : [textTable([["SERVER'S KEY", "ID", "WHERE"], ...serverKeys])]),
    ...(problems.length === 0 ? [] : [problems.join("")]),
  ].join("\n");
}

function placeText(place: string): string {
  if (place === "database") return "encrypted in the database";
  return place === "signer" ? "the separate signer" : place;
}

function nameOf({ role }: SignerOverview): string {
  return role === "targets" ? "(Repo Admin)" : role.replace(/^targets\//u, "");
}
