/** A publisher in a separate process: `node signing-process.ts URL DOCKER_CONFIG PREFIX COUNT`. */
import { join } from "node:path";
import { FileKeyStore } from "../../src/keys/file-key-store.ts";
import { parseImageReference } from "../../src/reference/image-reference.ts";
import { signTags } from "../../src/trust/publishing/sign.ts";
import { openTrustContext } from "../../src/trust/open-trust-context.ts";
import { tagOf } from "./trust-story.ts";

const [url = "", dockerConfigDir = "", prefix = "", count = "0"] = process.argv.slice(2);
const passphrases = { interactive: false, passphraseFor: async (): Promise<string> => "correct horse" };
const context = await openTrustContext({
  reference: parseImageReference("localhost:5000/processes/app"),
  dockerConfigDir,
  env: { DOCKER_CONTENT_TRUST_SERVER: url },
  allowPlainHttpLoopback: true,
  access: "write",
  keys: new FileKeyStore({ directory: join(dockerConfigDir, "trust/private"), passphrases }),
});
for (let index = 0; index < Number(count); index++) await signTags(context, [tagOf(`${prefix}${index}`)]);
context.close();
