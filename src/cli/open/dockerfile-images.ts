/** The images that a Dockerfile lets into a build, for commands that only have to know them. */
import { trustDockerfile } from "../../engine/image-build/base-images.ts";
import { buildArguments } from "../../engine/image-build/build-flags.ts";
import { registryConfigurations } from "../../engine/image-build/inherited-configuration.ts";
import type { Digest } from "../../reference/digest.ts";
import { formatReference, type ImageReference } from "../../reference/image-reference.ts";
import type { Io } from "../io.ts";
import { readGivenFile } from "./backup-file.ts";
import { withMirrors } from "./registry.ts";

/** Longer than any real Dockerfile. */
const maxBytes = 4 * 1024 * 1024;

/** A Dockerfile, and what its names depend on. */
export interface GivenDockerfile {
  readonly path: string;
  /** `NAME=value`, or a name whose value is in the environment */
  readonly buildArguments: readonly string[];
}

/**
 * Asks about every image that BuildKit would fetch for a Dockerfile: in each stage, in `COPY --from` and `RUN --mount`, in triggers of bases, and its
 * front-end.
 *
 * @param decide answers the digest to use; undefined to use the name as it is
 * @throws UsageError `DOCKERFILE_REFUSED` for what is not understood; what `decide` throws, with file and line
 */
export async function askAboutDockerfile(
  io: Io,
  given: GivenDockerfile,
  decide: (reference: ImageReference) => Promise<Digest | undefined>,
): Promise<void> {
  await trustDockerfile(await readGivenFile(given.path, maxBytes), {
    file: given.path,
    engine: "docker",
    buildArguments: buildArguments({ flags: new Map([["build-arg", given.buildArguments]]) }, "docker", io.env),
    environmentNames: new Set(),
    contexts: new Map(),
    firstBase: undefined,
    isClassic: async () => false,
    buildKitVersions: async () => undefined,
    platformVariables: async () => [],
    podmanPlatforms: async () => [],
    images: {
      async resolve(reference) {
        const digest = await decide(reference);
        return { reference, digest, name: formatReference({ ...reference, digest: digest ?? reference.digest }) };
      },
      configurations: async ({ reference, digest }) =>
        digest === undefined
          ? []
          : await withMirrors(io, reference, (registry) => registryConfigurations(registry, digest)),
    },
  });
}
