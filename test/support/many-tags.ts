/** Repositories with many signed tags, made by the real notary: its changelist is filled by hand and published in one go. */
import { hash, randomUUID } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runOk, type Client, type LayoutImage } from "./peers.ts";

/**
 * Stages `count` tags `t0`, `t1`, … in the client's trust directory, and publishes them with notary. Each has a different digest, as in
 * life: files of one digest would compress to nothing.
 */
export async function seedTags(user: Client, gun: string, count: number): Promise<void> {
  await user.notaryOk(["init", gun, "-p"]);
  const changelist = join(user.trustDirectory, "tuf", gun, "changelist");
  mkdirSync(changelist, { recursive: true, mode: 0o700 });
  for (let index = 0; index < count; index += 1) {
    const sha256 = hash("sha256", `t${index}`, "base64");
    const data = Buffer.from(JSON.stringify({ length: 1000 + index, hashes: { sha256 } })).toString("base64");
    const change = { action: "create", role: "targets", type: "target", path: `t${index}`, data };
    const name = `${String(index).padStart(20, "0")}_${randomUUID()}.change`;
    writeFileSync(join(changelist, name), JSON.stringify(change), { mode: 0o600 });
  }
  await user.notaryOk(["publish", gun], { timeoutMs: 600_000 });
}

/** Uploads the image without signing it. */
export async function upload(image: LayoutImage, name: string): Promise<void> {
  const source = `oci:${image.directory}`;
  await runOk("skopeo", [
    "copy",
    "--insecure-policy",
    "--preserve-digests",
    "--dest-tls-verify=false",
    "-q",
    source,
    `docker://${name}`,
  ]);
}
