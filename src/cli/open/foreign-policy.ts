/** Policies of other tools, where they lie on this machine. */
import { join } from "node:path";
import { podmanDirectory } from "../../docker-config/podman-directory.ts";
import { UsageError } from "../../errors.ts";
import { statIfThere } from "../../files/stat-if-there.ts";
import type { Io } from "../io.ts";
import { readGivenFile } from "./backup-file.ts";
import { homeOf } from "./directories.ts";

/** Far above any honest policy. */
const maxBytes = 4 * 1024 * 1024;

/** A policy that was read. */
export interface ForeignPolicy {
  readonly source: string;
  readonly text: string;
}

/** Where each tool looks, the first first. */
export const usualPlaces = {
  notation: (io: Io) => userFiles(io, "notation", ["trustpolicy.oci.json", "trustpolicy.json"]),
  containers: (io: Io) => [...userFiles(io, "containers", ["policy.json"]), "/etc/containers/policy.json"],
  notary: (io: Io) => {
    const home = homeOf(io);
    return home === undefined ? [] : [join(home, ".notary", "config.json")];
  },
} as const;

function userFiles(io: Io, directory: string, names: readonly string[]): readonly string[] {
  // podman's directory and the others' are siblings
  const podmans = podmanDirectory(io.env, homeOf(io));
  return podmans === undefined ? [] : names.map((name) => join(podmans, "..", directory, name));
}

/** The file that was named, or the first of the usual ones that is there. @throws UsageError `FILE_UNREADABLE` */
export function foreignPolicyPath(given: string | undefined, usual: readonly string[]): string {
  const path = given ?? usual.find((candidate) => statIfThere(candidate) !== undefined);
  if (path !== undefined) return path;
  throw new UsageError("FILE_UNREADABLE", `there is no policy in the usual places: ${usual.join(", ")}`, {
    hint: "Name the file.",
  });
}

/** Reads a policy, which may be a pipe. @throws UsageError `FILE_UNREADABLE`; EncodingError `TOO_LARGE` */
export async function readForeignPolicy(path: string): Promise<ForeignPolicy> {
  return { source: path, text: (await readGivenFile(path, maxBytes)).toString("utf8") };
}
