import { UsageError } from "../../errors.ts";
import type { Digest } from "../../reference/digest.ts";
import { gunOf } from "../../reference/image-reference.ts";
import { defineCommand } from "../command.ts";
import type { Io } from "../io.ts";
import { type TaggedImage, taggedImage, withDigest } from "../options/image.ts";
import { openSource } from "../open/image-files.ts";
import { parseImageLocation } from "../options/image-location.ts";
import { jsonOption, quietOption } from "../options/output-flags.ts";
import { engineEnvironment } from "../front-end/engine-descriptions.ts";
import { passphraseSource } from "../open/passphrases.ts";
import { refuseSwitchingOff } from "../open/policy-files.ts";
import { passphraseEnvironment, passphraseOptions } from "../options/passphrase-flags.ts";
import { withRegistry } from "../open/registry.ts";
import { requireRepository, withNoInit, withTrust } from "../open/trust.ts";
import { noInitEnvironment, noInitOption, trustExitCodes } from "../options/trust-flags.ts";
import { writeJson } from "../output/write-json.ts";
import { copyProgress, progressWords } from "../output/progress.ts";
import { tellTrustEvents } from "../output/trust-events.ts";
import { unsignedPush } from "../output/unsigned-push.ts";

/** `tagseal push --from …`: uploads an image to a registry and signs it, without a container engine. */
export const command = defineCommand(
  {
    path: "push",
    usage: "[--from oci:DIR|docker-archive:FILE] [OPTIONS] IMAGE[:TAG]",
    summary: "Push an image and sign it",
    description: [
      "Without --from, the container engine pushes: docker's own push, with all its flags, and under content trust (DOCKER_CONTENT_TRUST=1) the tag is signed for the digest that was pushed.",
      "With --from, no engine is needed and content trust is always on. It uploads an image to its registry, sets the tag, and signs the tag for exactly the uploaded bytes: it computes the digest itself and never takes it from the registry. Layers that the registry already has are not sent again. A multi-architecture index is pushed and signed as a whole.",
      "The first signature in a repository creates its keys and, on a new machine, a root key. You are asked for their passphrases.",
      "  oci:DIR[:NAME]              an OCI image layout: skopeo, buildah, buildx\n  docker-archive:FILE[:NAME]  what docker save wrote, packed or not (-: stdin)",
    ],
    options: {
      from: {
        kind: "text",
        value: "source",
        help: "Where to read the image: oci:DIR[:NAME] or docker-archive:FILE[:NAME]",
      },
      "disable-content-trust": { kind: "switch", help: "Skip image signing" },
      json: jsonOption,
      "no-init": noInitOption,
      quiet: { ...quietOption, help: "Print only the image with its digest" },
      ...passphraseOptions,
    },
    args: { min: 1, max: 1 },
    examples: [
      {
        text: "push a layout that buildah or docker buildx wrote",
        line: "tagseal push --from oci:./my-image registry.example.com/team/app:1.0",
      },
      {
        text: "push an archive that docker save wrote",
        line: "tagseal push --from docker-archive:app.tar registry.example.com/team/app:1.0",
      },
    ],
    environment: [...engineEnvironment, ...noInitEnvironment, ...passphraseEnvironment],
    exitCodes: trustExitCodes,
  },
  async ({ options, args: [name = ""] }, given) => {
    const io = withNoInit(given, options["no-init"]);
    const image = pushableImage(name);
    const location = parseImageLocation("from", options.from);
    const quiet = options.quiet || options.json;
    const isSigned = !options["disable-content-trust"];
    if (!isSigned) refuseSwitchingOff(io);
    const passphrases = isSigned ? await passphraseSource(options, io) : undefined;
    if (isSigned) await requireRepository(io, image.reference, tellTrustEvents(io, { quiet }));
    const pushed = await pushFrom(location, image, io, quiet);
    const say = (text: string): void => {
      if (!quiet) io.stdout.write(text);
    };
    say(`${image.tag}: digest: ${pushed.digest} size: ${pushed.size}\n`);
    if (passphrases !== undefined) {
      say("Signing and pushing trust metadata\n");
      const sayInitialised = (gun: string): void => say(`Finished initializing "${gun}"\n`);
      const notify = tellTrustEvents(io, { quiet, sayInitialised });
      await signPushed(image, pushed, io, { access: "write", passphrases, notify });
      say(`Successfully signed ${image.gun}:${image.tag}\n`);
    }
    const result = withDigest(image.reference, pushed.digest);
    if (options.json) writeJson(io, { image: result, gun: image.gun, tag: image.tag, ...pushed, signed: isSigned });
    else if (quiet) io.stdout.write(`${result}\n`);
    return 0;
  },
);

function pushableImage(name: string): TaggedImage {
  const image = taggedImage(name);
  if (image.reference.digest === undefined) return image;
  throw new UsageError("USAGE", "cannot push a digest reference", {
    hint: "Name a tag only: the digest follows from the image that is pushed.",
  });
}

interface Pushed {
  readonly digest: Digest;
  /** bytes of the manifest */
  readonly size: number;
}

async function pushFrom(
  location: ReturnType<typeof parseImageLocation>,
  { reference, tag }: TaggedImage,
  io: Io,
  quiet: boolean,
): Promise<Pushed> {
  const { pushImage } = await import("../../registry/copy.ts");
  const progress = copyProgress(io, progressWords.push, { quiet });
  if (!quiet) io.stderr.write(`The push refers to repository [${gunOf(reference)}]\n`);
  const source = await openSource(location, io.signal);
  try {
    return await withRegistry(io, reference, "push", async (registry) => {
      const { digest, size } = await pushImage(source, registry, { tag, onProgress: progress.update });
      return { digest, size };
    });
  } finally {
    progress.end();
    await source.close();
  }
}

async function signPushed(
  { reference, tag }: TaggedImage,
  { digest, size }: Pushed,
  io: Io,
  settings: Parameters<typeof withTrust>[2],
): Promise<void> {
  const { signTags } = await import("../../trust/publishing/sign.ts");
  try {
    await withTrust(io, reference, settings, (context) => signTags(context, [{ tag, digest, length: size }]));
  } catch (error) {
    throw unsignedPush(error, { image: reference, tag, digest }, io);
  }
}
