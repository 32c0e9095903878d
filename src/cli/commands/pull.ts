import type { Digest } from "../../reference/digest.ts";
import { withDefaultTag } from "../../reference/image-reference.ts";
import { defineCommand } from "../command.ts";
import type { Io } from "../io.ts";
import { type ImageArgument, imageArgument, withDigest } from "../options/image.ts";
import { openSink } from "../open/image-files.ts";
import { parseImageLocation } from "../options/image-location.ts";
import { jsonOption, quietOption } from "../options/output-flags.ts";
import { platformOption } from "../options/platform-flag.ts";
import { withRegistry } from "../open/registry.ts";
import { decideHere } from "../open/decide.ts";
import { maxStalenessOption, stalenessEnvironment, trustExitCodes } from "../options/trust-flags.ts";
import { engineEnvironment } from "../front-end/engine-descriptions.ts";
import { writeJson } from "../output/write-json.ts";
import { copyProgress, progressWords } from "../output/progress.ts";
import { tellTrustEvents } from "../output/trust-events.ts";

/** `tagseal pull --to …`: fetches exactly the image that a tag is signed for, without a container engine. */
export const command = defineCommand(
  {
    path: "pull",
    usage: "[--to oci:DIR|docker-archive:FILE] [OPTIONS] IMAGE[:TAG][@DIGEST]",
    summary: "Fetch the signed image of a tag",
    description: [
      "Without --to, the container engine pulls: docker's own pull, with all its flags, and under content trust (DOCKER_CONTENT_TRUST=1) exactly the digest the tag is signed for.",
      "With --to, no engine is needed and content trust is always on. It verifies the signature of the tag, then fetches the signed digest from the registry and checks every byte. It never fetches an unsigned tag, even if the registry has one. An image named by its digest alone needs no signature: it is fetched without asking the trust server, and every byte is checked against the digest.",
      "With a tag and a digest, the tag must be signed for exactly that digest.",
      "  oci:DIR[:NAME]              an OCI image layout; other images in it stay\n  docker-archive:FILE[:NAME]  a tar file for docker load: one platform's image",
    ],
    options: {
      to: {
        kind: "text",
        value: "destination",
        help: "Where to write the image: oci:DIR[:NAME] or docker-archive:FILE[:NAME]",
      },
      platform: { ...platformOption, help: "Fetch only this platform's image of a signed index" },
      "max-staleness": maxStalenessOption,
      json: jsonOption,
      quiet: { ...quietOption, help: "Print only the image with its digest, errors and warnings" },
    },
    args: { min: 1, max: 1 },
    examples: [
      {
        text: "fetch an image for docker load",
        line: "tagseal pull --to docker-archive:app.tar registry.example.com/team/app:1.0",
      },
      {
        text: "fetch all platforms as an OCI layout",
        line: "tagseal pull --to oci:./app registry.example.com/team/app:1.0",
      },
    ],
    environment: [...engineEnvironment, ...stalenessEnvironment],
    exitCodes: trustExitCodes,
  },
  async ({ options, args: [name = ""] }, io) => {
    const image = imageArgument(name);
    const location = parseImageLocation("to", options.to);
    const quiet = options.quiet || options.json;
    const trusted = await trustedDigest(image, { io, quiet, maxStaleness: options["max-staleness"] });
    const { reference, digest, size } = trusted;
    const pulled = await pullTo(location, trusted, options.platform, { io, quiet });
    if (options.json) {
      writeJson(io, { image: withDigest(reference, digest), gun: image.gun, digest, size, ...trusted.proof, pulled });
    } else io.stdout.write(`${withDigest(reference, digest)}\n`);
    return 0;
  },
);

interface Watching {
  readonly io: Io;
  readonly quiet: boolean;
}

interface TrustedImage {
  readonly reference: ImageArgument["reference"];
  readonly digest: Digest;
  /** bytes of the manifest; undefined when only a digest was named */
  readonly size: number | undefined;
  /** who signed it, absent for a digest alone */
  readonly proof: { readonly signers?: readonly string[]; readonly role?: string; readonly cached?: boolean };
}

/** A digest alone needs no signature: the name is the proof. Every other image is verified. */
async function trustedDigest(
  image: ImageArgument,
  { io, quiet, maxStaleness }: Watching & { readonly maxStaleness: string | undefined },
): Promise<TrustedImage> {
  const reference = withDefaultTag(image.reference);
  const settings = { access: "read", notify: tellTrustEvents(io, { quiet }), maxStaleness } as const;
  const { verdict, verified } = await decideHere(io, reference, settings);
  if (verdict.outcome === "refused") throw verdict.error;
  if (verified === undefined) return await withoutProof(io, reference, verdict.digest);
  if (!quiet) io.stderr.write(`Pull (1 of 1): ${withDigest(reference, verified.digest)}\n`);
  const { signers, role, cached } = verified;
  return { reference, digest: verified.digest, size: verified.length, proof: { signers, role, cached } };
}

/** A digest alone, or a tag that a policy lets pass: it is resolved once, by the registry. */
async function withoutProof(
  io: Io,
  reference: ImageArgument["reference"],
  digest: Digest | undefined,
): Promise<TrustedImage> {
  if (digest !== undefined) return { reference, digest, size: undefined, proof: {} };
  const { resolveWhole } = await import("../../registry/image-tree.ts");
  const found = await withRegistry(io, reference, "pull", (registry) =>
    resolveWhole(registry, reference.tag ?? "latest"),
  );
  return { reference, digest: found.digest, size: found.size, proof: {} };
}

/** @returns the digest of the written image: the platform's image when one was chosen */
async function pullTo(
  location: ReturnType<typeof parseImageLocation>,
  { reference, digest, size }: TrustedImage,
  platform: string | undefined,
  { io, quiet }: Watching,
): Promise<Digest> {
  const { pullImage } = await import("../../registry/copy.ts");
  const progress = copyProgress(io, progressWords.pull, { quiet });
  try {
    return await withRegistry(io, reference, "pull", async (registry) => {
      const sink = await openSink(location, reference);
      const pulled = await pullImage(registry, sink, { digest, size, platform, onProgress: progress.update });
      return pulled.digest;
    });
  } finally {
    progress.end();
  }
}
