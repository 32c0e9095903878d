import type { Digest } from "../../reference/digest.ts";
import { MetadataError } from "../../errors.ts";
import { formatReference } from "../../reference/image-reference.ts";
import type { VerifiedTag } from "../../trust/reading/verify.ts";
import { defineCommand } from "../command.ts";
import type { Io } from "../io.ts";
import { type TaggedImage, taggedImage, withDigest } from "../options/image.ts";
import { jsonOption, quietOption } from "../options/output-flags.ts";
import { platformOption } from "../options/platform-flag.ts";
import { decideHere } from "../open/decide.ts";
import type { TrustSettings } from "../open/trust.ts";
import { freshReaderHelp, maxStalenessOption } from "../options/trust-flags.ts";
import { writeJson } from "../output/write-json.ts";
import { tellTrustEvents } from "../output/trust-events.ts";

/** `tagseal verify IMAGE:TAG`: the digest a tag is signed for now. */
export const command = defineCommand(
  {
    path: "verify",
    usage: "[OPTIONS] IMAGE[:TAG][@DIGEST]",
    summary: "Print the digest a tag is signed for",
    description: [
      "Asks the trust server what the tag is signed for, checks every signature, version and expiry against what this machine already trusts, and prints the digest. Standard output gets the digest and nothing else; if the tag cannot be trusted, it gets nothing, and the exit status shows why.",
      "With a digest after the tag, the tag must be signed for exactly that digest. The registry is not asked, except with --platform: the signed index is then fetched by its digest and checked byte for byte, and the digest of the platform's image is printed.",
    ],
    options: {
      json: jsonOption,
      quiet: { ...quietOption, help: "Print only the digest, errors and warnings" },
      platform: platformOption,
      "max-staleness": maxStalenessOption,
    },
    args: { min: 1, max: 1 },
    examples: [
      { text: "print the digest that a tag is signed for", line: "tagseal verify registry.example.com/team/app:1.0" },
      {
        text: "run exactly what was signed, with any engine",
        line: "podman run registry.example.com/team/app@$(tagseal verify registry.example.com/team/app:1.0)",
      },
      {
        text: "print the digest of one platform's image",
        line: "tagseal verify --platform linux/arm64/v8 registry.example.com/team/app:1.0",
      },
    ],
    ...freshReaderHelp,
  },
  async ({ options, args: [name = ""] }, io) => {
    const image = taggedImage(name);
    const notify = tellTrustEvents(io, { quiet: options.quiet || options.json });
    const settings = { access: "read", notify, maxStaleness: options["max-staleness"] } as const;
    const verified = await verifiedHere(io, image, settings);
    const { platform } = options;
    const selected = platform === undefined ? undefined : await selectSigned(image, verified, platform, io);
    if (options.json) writeJson(io, { ...verifiedJson(image, verified), ...selected });
    else io.stdout.write(`${selected?.platformDigest ?? verified.digest}\n`);
    return 0;
  },
);

async function verifiedHere(io: Io, { reference, tag }: TaggedImage, settings: TrustSettings): Promise<VerifiedTag> {
  const { verdict, verified } = await decideHere(io, { ...reference, tag }, settings);
  if (verdict.outcome === "refused") throw verdict.error;
  if (verified !== undefined) return verified;
  throw new MetadataError(
    "POLICY_REFUSED",
    `nothing was verified: the rule "${verdict.rule ?? ""}" of ${verdict.source ?? ""} does not ask for a signature of ${formatReference(reference)}`,
    { hint: "Verify it under another policy: put --policy FILE before the command." },
  );
}

function verifiedJson(image: TaggedImage, verified: VerifiedTag): Record<string, unknown> {
  return { image: withDigest({ ...image.reference, digest: undefined }, verified.digest), ...verified };
}

interface SelectedPlatform {
  readonly platform: string;
  readonly platformDigest: Digest;
}

async function selectSigned(
  { reference }: TaggedImage,
  { digest, length }: VerifiedTag,
  platform: string,
  io: Io,
): Promise<SelectedPlatform> {
  const { platformDigest } = await import("../open/signed-platform.ts");
  return { platform, platformDigest: await platformDigest(io, reference, { digest, size: length }, platform) };
}
