import { homedir } from "node:os";
import { join } from "node:path";
import { openTrustContext, parseImageReference, TagsealError, verifyTag } from "tagseal";

const reference = parseImageReference(process.argv[2] ?? "");
const dockerConfigDir = process.env["DOCKER_CONFIG"] ?? join(homedir(), ".docker");
const context = await openTrustContext({ reference, dockerConfigDir, env: process.env });
try {
  const { digest, freshUntil } = await verifyTag(context, reference.tag ?? "latest");
  console.log(`${reference.registry}/${reference.repository}@${digest}`);
  console.log(`Ask again after ${freshUntil.toISOString()}.`);
} catch (error) {
  if (!(error instanceof TagsealError)) throw error;
  console.error(`${error.code}: ${error.message}`);
  process.exitCode = 1;
} finally {
  context.close();
}
