import { homedir } from "node:os";
import { join } from "node:path";
import { hasCode, inspectTrust, openTrustContext, parseImageReference } from "tagseal";

const reference = parseImageReference(process.argv[2] ?? "");
const dockerConfigDir = process.env["DOCKER_CONFIG"] ?? join(homedir(), ".docker");
const context = await openTrustContext({ reference, dockerConfigDir, env: process.env });
try {
  const { tags, signers } = await inspectTrust(context);
  for (const { tag, digest, signers: names } of tags)
    console.log(`${tag}: ${digest}, ${names.length === 0 ? "repository key" : names.join(", ")}`);
  console.log(`${signers.length} signers`);
} catch (error) {
  if (!hasCode(error, "REPOSITORY_NOT_SIGNED")) throw error;
  console.log("Nothing is signed.");
} finally {
  context.close();
}
