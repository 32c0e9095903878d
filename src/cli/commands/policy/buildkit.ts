import { UsageError } from "../../../errors.ts";
import { buildkitPolicy, type SourceKind, sourceKinds } from "../../../policy/export/buildkit-policy.ts";
import type { Digest } from "../../../reference/digest.ts";
import { formatReference, type ImageReference } from "../../../reference/image-reference.ts";
import { defineCommand } from "../../command.ts";
import type { Io } from "../../io.ts";
import { type DecidedName, decideName, decideNames } from "../../open/decided-names.ts";
import type { OptionValues } from "../../options/option.ts";
import { policyOutOptions } from "../../options/policy-out-flags.ts";
import { freshReaderHelp, maxStalenessOption } from "../../options/trust-flags.ts";
import { deliverForeignPolicy, imageReport } from "../../output/foreign-policy-report.ts";

const options = {
  allow: {
    kind: "list",
    value: "kind",
    help: "Allow every source of this kind: git, http or oci-layout; may be repeated",
  },
  "build-arg": { kind: "list", value: "NAME=VALUE", help: "Set a build argument of the Dockerfile; may be repeated" },
  dockerfile: { kind: "text", value: "file", complete: "file", help: "Allow the images that this Dockerfile names" },
  "max-staleness": maxStalenessOption,
  ...policyOutOptions,
} as const;

/** `tagseal policy buildkit IMAGE…`: a source policy for BuildKit, buildx and buildctl. */
export const command = defineCommand(
  {
    path: "policy buildkit",
    usage: "[OPTIONS] [IMAGE[:TAG][@DIGEST]...]",
    summary: "Write a source policy for BuildKit",
    description: [
      "Decides about each image as every other command does, and prints a source policy by which BuildKit puts its signed digest in the place of its tag, and fetches nothing else. One image that is refused makes the command fail, and nothing is written.",
      "Name every image of the build, or the Dockerfile: FROM, COPY --from, RUN --mount, and the front-end behind # syntax=. Directories of the client are allowed. Git, HTTP and OCI layouts are denied without --allow.",
      "The policy says what is signed now: write it before each build. BuildKit reads it from the file that EXPERIMENTAL_BUILDKIT_SOURCE_POLICY (docker buildx build) or --source-policy-file (buildctl build) names.",
    ],
    options,
    args: { min: 0, max: Number.POSITIVE_INFINITY },
    examples: [
      {
        text: "allow the images of a Dockerfile as they are signed now",
        line: "tagseal policy buildkit --dockerfile Dockerfile --force --out source-policy.json",
      },
      {
        text: "allow an image and a front-end",
        line: "tagseal policy buildkit registry.example.com/team/base:1 docker/dockerfile:1 --out source-policy.json",
      },
    ],
    ...freshReaderHelp,
  },
  async ({ options: given, args }, io) => {
    const kinds = given.allow.map(sourceKind);
    const images = await decidedImages(io, given, args);
    const said = `${images.length} ${images.length === 1 ? "image" : "images"} allowed`;
    const report = { images: images.map(imageReport) };
    await deliverForeignPolicy(io, { policy: buildkitPolicy(images, kinds), report, said }, given);
    return 0;
  },
);

async function decidedImages(
  io: Io,
  given: OptionValues<typeof options>,
  names: readonly string[],
): Promise<readonly DecidedName[]> {
  const settings = { maxStaleness: given["max-staleness"] };
  const images = [...(await decideNames(io, names, settings))];
  const decide = async (reference: ImageReference): Promise<Digest | undefined> => {
    const image = await decideName(io, reference, settings);
    images.push(image);
    return image.digest;
  };
  if (given.dockerfile !== undefined) {
    // the reader of Dockerfiles is loaded only where one is given
    const { askAboutDockerfile } = await import("../../open/dockerfile-images.ts");
    await askAboutDockerfile(io, { path: given.dockerfile, buildArguments: given["build-arg"] }, decide);
  }
  const unique = new Map(images.map((image) => [formatReference(image.reference), image]));
  if (unique.size > 0) return [...unique.values()];
  throw new UsageError("USAGE", "no image is named", { hint: "Name the images of the build, or --dockerfile FILE." });
}

function sourceKind(text: string): SourceKind {
  const known = Object.keys(sourceKinds) as SourceKind[];
  const kind = known.find((each) => each === text);
  if (kind !== undefined) return kind;
  throw new UsageError("USAGE", `--allow does not know ${text}`, { hint: `Use one of ${known.join(", ")}.` });
}
