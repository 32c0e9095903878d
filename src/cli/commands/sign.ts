import { setImmediate as nextTurn } from "node:timers/promises";
import { UsageError } from "../../errors.ts";
import type { RegistryClient } from "../../registry/registry-client.ts";
import type { SignResult, TagToSign } from "../../trust/publishing/sign.ts";
import { defineCommand } from "../command.ts";
import type { Io } from "../io.ts";
import { type TaggedImage, taggedImage, withDigest } from "../options/image.ts";
import { jsonOption, quietOption } from "../options/output-flags.ts";
import { isProposing, proposeOptions } from "../options/proposal-flags.ts";
import { passphraseSource } from "../open/passphrases.ts";
import { passphraseEnvironment, passphraseOptions } from "../options/passphrase-flags.ts";
import { withRegistry } from "../open/registry.ts";
import { withNoInit, withTrust } from "../open/trust.ts";
import { noInitEnvironment, noInitOption, trustEnvironment, trustExitCodes } from "../options/trust-flags.ts";
import { writeJson } from "../output/write-json.ts";
import type { Proposing } from "../proposals/propose-change.ts";
import { tellTrustEvents } from "../output/trust-events.ts";

/** `tagseal sign IMAGE:TAG@DIGEST…`: signs tags for digests that a registry serves. */
export const command = defineCommand(
  {
    path: "sign",
    usage: "[OPTIONS] IMAGE:TAG@DIGEST [IMAGE:TAG@DIGEST...]",
    summary: "Sign tags of images in a registry",
    description: [
      "Signs each tag for its digest. The tag means this digest until you sign it for another one. The registry must serve the digest, because the size is signed, too. A multi-architecture index is signed as a whole.",
      "You give the digest because a registry could answer with a different image than the one you built. To sign what the tag points to in the registry now, use --from-registry; the digest found is printed.",
      "Several tags of one repository are published in one step: all or none. The first signature in a repository creates its keys and, on a new machine, a root key.",
      "With --propose the signature is one of several that a role needs: others add theirs with `tagseal trust approve`, and the last one publishes.",
    ],
    options: {
      "from-registry": {
        kind: "switch",
        help: "Sign each tag without a digest for what it points to in the registry now",
      },
      json: jsonOption,
      "no-init": noInitOption,
      ...proposeOptions,
      quiet: quietOption,
      ...passphraseOptions,
    },
    args: { min: 1 },
    examples: [
      {
        text: "sign the digest that the build reported",
        line: "tagseal sign registry.example.com/team/app:1.0@sha256:0123…",
      },
      {
        text: "sign two tags in one publication",
        line: "tagseal sign $APP:1.0@$DIGEST $APP:latest@$DIGEST",
      },
      {
        text: "sign what the registry has under the tag now",
        line: "tagseal sign --from-registry registry.example.com/team/app:1.0",
      },
    ],
    environment: [...trustEnvironment, ...noInitEnvironment, ...passphraseEnvironment],
    exitCodes: trustExitCodes,
  },
  async ({ options, args }, given) => {
    const io = withNoInit(given, options["no-init"]);
    const quiet = options.quiet || options.json;
    const groups = groupByRepository(args.map((name) => taggedImage(name)));
    if (!options["from-registry"]) requireDigests(args, groups.flat());
    const passphrases = await passphraseSource(options, io);
    if (isProposing(options)) return await proposeGroup(groups, { ...options, passphrases }, io);
    const results: unknown[] = [];
    for (const images of groups) {
      try {
        // The registry and the trust server are asked at the same time.
        const tags = resolveAll(images, io, quiet);
        tags.catch(() => undefined); // is thrown where they are awaited, unless something else fails first
        const result = await signGroup(images, tags, { io, quiet, passphrases });
        if (options.json) results.push(...resultJson(images, result));
        else io.stdout.write(resultText(images, result, quiet));
      } catch (error) {
        // The JSON must show which repositories were signed before this one failed.
        if (results.length > 0) await endWithResults(results, images, error, io);
        throw error;
      }
    }
    if (options.json) writeJson(io, results);
    return 0;
  },
);

/** One proposal is for one repository. */
async function proposeGroup(
  [images = [], ...others]: readonly (readonly TaggedImage[])[],
  how: Pick<Proposing, "out" | "json" | "passphrases"> & { readonly quiet: boolean },
  io: Io,
): Promise<number> {
  const [image] = images;
  if (image === undefined || others.length > 0)
    throw new UsageError("USAGE", "a proposal is for one repository", {
      hint: "Propose for each repository separately.",
    });
  const tags = await resolveAll(images, io, how.quiet || how.json);
  const { proposeChange } = await import("../proposals/propose-change.ts");
  const { proposeTags } = await import("../../trust/proposals/proposed-changes.ts");
  return await proposeChange({ ...how, image }, io, (context) => proposeTags(context, tags));
}

async function endWithResults(
  results: readonly unknown[],
  images: readonly TaggedImage[],
  error: unknown,
  io: Io,
): Promise<never> {
  const { exitCodeFor } = await import("../exit-code.ts");
  const { AlreadyReported } = await import("../command-failure.ts");
  const { reportFailure, reportOf } = await import("../output/error-report.ts");
  writeJson(io, [...results, { gun: images[0]?.gun, error: reportOf(error) }]);
  reportFailure(error, io);
  throw new AlreadyReported(exitCodeFor(error));
}

/** Images of one repository are signed in one publish. */
function groupByRepository(images: readonly TaggedImage[]): readonly (readonly TaggedImage[])[] {
  return [...Map.groupBy(images, ({ gun }) => gun).values()];
}

function requireDigests(args: readonly string[], images: readonly TaggedImage[]): void {
  const bare = images.find(({ reference }) => reference.digest === undefined);
  if (bare === undefined) return;
  throw new UsageError("USAGE", `no digest given for ${bare.typed}: what should the tag mean?`, {
    hint: `Write IMAGE:TAG@sha256:…, or give --from-registry to sign what the registry has under ${args.length === 1 ? "the tag" : "each tag"} now.`,
  });
}

/** How many requests the registry gets at once. */
const atOnce = 8;

/** Asks the registry for each image: that it is there, how long its manifest is, and, without a digest, which one it is. */
async function resolveAll(images: readonly TaggedImage[], io: Io, quiet: boolean): Promise<readonly TagToSign[]> {
  const [first] = images;
  if (first === undefined) return [];
  return await withRegistry(io, first.reference, "pull", async (registry) => {
    const tags: TagToSign[] = [];
    for (let start = 0; start < images.length; start += atOnce) {
      const batch = images.slice(start, start + atOnce);
      tags.push(...(await Promise.all(batch.map((image) => resolveOne(registry, image)))));
    }
    if (!quiet) io.stderr.write(images.map((image, index) => foundText(image, tags[index])).join(""));
    return tags;
  });
}

async function resolveOne(registry: RegistryClient, { tag, reference }: TaggedImage): Promise<TagToSign> {
  const { resolveWhole } = await import("../../registry/image-tree.ts");
  const { digest, size } = await resolveWhole(registry, reference.digest ?? tag);
  return { tag, digest, length: size };
}

/** A digest taken from the registry must be shown before it is signed. */
function foundText({ typed, reference }: TaggedImage, found: TagToSign | undefined): string {
  return reference.digest === undefined ? `${typed} is ${found?.digest} in the registry now\n` : "";
}

interface Signing {
  readonly io: Io;
  readonly quiet: boolean;
  readonly passphrases: Awaited<ReturnType<typeof passphraseSource>>;
}

async function signGroup(
  images: readonly TaggedImage[],
  tags: Promise<readonly TagToSign[]>,
  { io, quiet, passphrases }: Signing,
): Promise<SignResult> {
  const [first] = images;
  if (first === undefined) return { initialised: false, signed: [] };
  const notify = tellTrustEvents(io, { quiet });
  const settings = { access: "write", passphrases, notify, askAhead: true } as const;
  return await withTrust(io, first.reference, settings, async (context) => {
    await nextTurn(); // both questions are on their way before the code that signs is loaded
    const { signExpectedTags } = await import("../../trust/publishing/sign.ts");
    return await signExpectedTags(context, tags);
  });
}

function resultJson(images: readonly TaggedImage[], { signed, initialised }: SignResult): unknown[] {
  return signed.map(({ tag, digest, roles }, index) => ({
    image: printedName(images[index], digest),
    gun: images[index]?.gun,
    tag,
    digest,
    roles,
    initialised,
  }));
}

function resultText(images: readonly TaggedImage[], { signed }: SignResult, quiet: boolean): string {
  return signed
    .map(({ digest, roles }, index) => {
      const name = printedName(images[index], digest);
      return quiet ? `${name}\n` : `Signed ${name} (${roles.join(", ")})\n`;
    })
    .join("");
}

function printedName(image: TaggedImage | undefined, digest: TagToSign["digest"]): string {
  return image === undefined ? digest : withDigest(image.reference, digest);
}
