import { homedir } from "node:os";
import { join } from "node:path";
import { fromEnvironment, openTrustContext, parseDigest, parseImageReference, signTags } from "tagseal";

const [image = "", digest = "", bytes = ""] = process.argv.slice(2);
const reference = parseImageReference(image);
const context = await openTrustContext({
  reference,
  dockerConfigDir: process.env["DOCKER_CONFIG"] ?? join(homedir(), ".docker"),
  env: process.env,
  access: "write",
  passphrases: fromEnvironment(process.env),
});
try {
  const tag = { tag: reference.tag ?? "latest", digest: parseDigest(digest), length: Number(bytes) };
  const { initialised, signed } = await signTags(context, [tag]);
  if (initialised) console.log("This repository is new: back up its keys.");
  for (const { tag: name, roles } of signed) console.log(`Signed ${name} in ${roles.join(" and ")}.`);
} finally {
  context.close();
}
