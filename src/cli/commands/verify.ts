import type { Digest } from "../../reference/digest.ts";
import { MetadataError } from "../../errors.ts";
import { requirementsFor, type Requirements } from "../../policy/requirements.ts";
import { formatReference, type ImageReference } from "../../reference/image-reference.ts";
import type { DecidedImage } from "../../trust/reading/decide-image.ts";
import type { VerifiedTag } from "../../trust/reading/verify.ts";
import { defineCommand } from "../command.ts";
import { requireArguments } from "../help/usage-error.ts";
import type { Io } from "../io.ts";
import { decideHere, reportWarnings } from "../open/decide.ts";
import { loadPolicies } from "../open/policies.ts";
import { openTrust, type TrustSettings } from "../open/trust.ts";
import { type TaggedImage, taggedImage, withDigest } from "../options/image.ts";
import { jsonOption, quietOption } from "../options/output-flags.ts";
import { platformOption } from "../options/platform-flag.ts";
import { freshReaderHelp, maxStalenessOption } from "../options/trust-flags.ts";
import type { ImageResults } from "../output/image-results.ts";
import { tellTrustEvents } from "../output/trust-events.ts";
import { writeJson } from "../output/write-json.ts";

/** Repositories that are asked at once: more gain little, and a trust server limits the pace of each client. */
const repositoriesAtOnce = 8;

/** `tagseal verify IMAGE:TAG…`: the digests that tags are signed for now. */
export const command = defineCommand(
  {
    path: "verify",
    usage: "[OPTIONS] IMAGE[:TAG][@DIGEST] [IMAGE[:TAG][@DIGEST]...]",
    summary: "Print the digest a tag is signed for",
    description: [
      "Asks the trust server what the tag is signed for, checks every signature, version and expiry against what this machine already trusts, and prints the digest. Standard output gets the digest and nothing else; if the tag cannot be trusted, it gets nothing, and the exit status shows why.",
      "With a digest after the tag, the tag must be signed for exactly that digest. The registry is not asked, except with --platform: the signed index is then fetched by its digest and checked byte for byte, and the digest of the platform's image is printed.",
      "Several images, or --from, print one line for each, in the order of the arguments: the image with its digest, or with --quiet the digest alone. With --json each is a JSON object in one line with the name as you typed it, printed as soon as it is known. Each repository is asked once, whatever the number of its images, and eight are asked at a time. An image that fails does not stop the others: its line goes to standard error, and the exit status is that of the first failed image.",
    ],
    options: {
      from: {
        kind: "text",
        value: "file",
        complete: "file",
        help: "Read more images from this file, one in each line; - for standard input",
      },
      json: jsonOption,
      quiet: { ...quietOption, help: "Print only the digest, errors and warnings" },
      platform: platformOption,
      "max-staleness": maxStalenessOption,
    },
    args: { min: 0 },
    examples: [
      { text: "print the digest that a tag is signed for", line: "tagseal verify registry.example.com/team/app:1.0" },
      {
        text: "run exactly what was signed, with any engine",
        line: "podman run registry.example.com/team/app@$(tagseal verify registry.example.com/team/app:1.0)",
      },
      {
        text: "verify every image that a cluster runs",
        line: "kubectl get pods -A -o jsonpath='{..image}' | tr ' ' '\\n' | sort -u | tagseal verify --json --from -",
      },
      {
        text: "print the digest of one platform's image",
        line: "tagseal verify --platform linux/arm64/v8 registry.example.com/team/app:1.0",
      },
    ],
    ...freshReaderHelp,
  },
  async ({ options, args }, io) => {
    const { from, json, platform } = options;
    const notify = tellTrustEvents(io, { quiet: options.quiet || json });
    const settings = { access: "read", notify, maxStaleness: options["max-staleness"] } as const;
    if (from === undefined)
      requireArguments({ ...command.description, args: { min: 1 } }, args.length, io.program.shownAs);
    const [name = "", ...more] = args;
    if (from !== undefined || more.length > 0) return await verifyMany(args, { ...options, settings }, io);
    const image = taggedImage(name);
    const reference = { ...image.reference, tag: image.tag };
    const verified = verifiedBy(await decideHere(io, reference, settings), reference);
    const found = await resultOf(image, verified, platform, io);
    if (json) writeJson(io, found.json);
    else io.stdout.write(`${found.digest}\n`);
    return 0;
  },
);

interface ManyOptions {
  readonly from: string | undefined;
  readonly json: boolean;
  readonly quiet: boolean;
  readonly platform: string | undefined;
  readonly settings: TrustSettings;
}

/** An image, where it stands among the arguments, and what the policies require of it. */
interface AskedImage {
  readonly position: number;
  readonly image: TaggedImage;
  readonly requirements: Requirements;
}

async function verifyMany(args: readonly string[], options: ManyOptions, io: Io): Promise<number> {
  const { from, json, quiet, platform, settings } = options;
  const { namedImages } = await import("../open/image-list.ts");
  const names = from === undefined ? args : await namedImages(args, from, io);
  const { ImageResults: Results } = await import("../output/image-results.ts");
  const results = new Results(names, json, io);
  try {
    const { decideImages } = await import("../../trust/reading/decide-images.ts");
    const asked = await askedImages(names, results, io);
    await decideImages(asked, {
      open: (requirements) => openTrust(io, requirements.reference, { ...settings, requirements }),
      parallel: repositoriesAtOnce,
      onDecided: ({ position, image }, decided) =>
        results.attempt(position, async () => {
          reportWarnings(decided, image.reference, settings);
          const found = await resultOf(image, verifiedBy(decided, image.reference), platform, io);
          return { text: quiet ? found.digest : withDigest(image.reference, found.digest), json: found.json };
        }),
    });
  } catch (error) {
    results.fail(error);
  }
  return results.end();
}

async function askedImages(names: readonly string[], results: ImageResults, io: Io): Promise<readonly AskedImage[]> {
  const policies = await loadPolicies(io);
  return names.flatMap((name, position) => {
    try {
      const image = taggedImage(name);
      return [{ position, image, requirements: requirementsFor(policies, image.reference) }];
    } catch (error) {
      results.failed(position, error);
      return [];
    }
  });
}

function verifiedBy({ verdict, verified }: DecidedImage, reference: ImageReference): VerifiedTag {
  if (verdict.outcome === "refused") throw verdict.error;
  if (verified !== undefined) return verified;
  throw new MetadataError(
    "POLICY_REFUSED",
    `nothing was verified: the rule "${verdict.rule ?? ""}" of ${verdict.source ?? ""} does not ask for a signature of ${formatReference(reference)}`,
    { hint: "Verify it under another policy: put --policy FILE before the command." },
  );
}

/** The digest to print, and the members of the JSON. */
async function resultOf(
  image: TaggedImage,
  verified: VerifiedTag,
  platform: string | undefined,
  io: Io,
): Promise<{ readonly digest: Digest; readonly json: Readonly<Record<string, unknown>> }> {
  const selected = platform === undefined ? undefined : await selectSigned(image, verified, platform, io);
  const whole = withDigest({ ...image.reference, digest: undefined }, verified.digest);
  return { digest: selected?.platformDigest ?? verified.digest, json: { image: whole, ...verified, ...selected } };
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
