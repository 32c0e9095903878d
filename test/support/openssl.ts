/** openssl as an independent checker of what Tagseal writes, and as a maker of what Tagseal must read. */
import { execFileSync } from "node:child_process";
import { missingPeers } from "./requirements.ts";

/** Reason to skip when openssl is not on this machine, else false. */
export const needsOpenssl = missingPeers(["openssl"]) === false ? false : "needs openssl";

/** Runs openssl with `input` on its standard input; what it prints. Throws with its own words when it fails. */
export function openssl(args: readonly string[], input: string | Uint8Array = ""): Buffer {
  return execFileSync("openssl", args, { input, stdio: ["pipe", "pipe", "pipe"] });
}
