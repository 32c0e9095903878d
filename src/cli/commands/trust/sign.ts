import { UsageError } from "../../../errors.ts";
import type { PassphraseSource } from "../../../keys/passphrase.ts";
import { digestHex } from "../../../reference/digest.ts";
import type { CurrentSignature } from "../../../trust/publishing/current-signature.ts";
import type { SignOptions, SignResult, TagToSign } from "../../../trust/publishing/sign.ts";
import { defineCommand } from "../../command.ts";
import type { Io } from "../../io.ts";
import { type ImageArgument, imageArgument } from "../../options/image.ts";
import { jsonOption } from "../../options/output-flags.ts";
import { isProposing, proposeOptions } from "../../options/proposal-flags.ts";
import { passphraseSource } from "../../open/passphrases.ts";
import { passphraseEnvironment, passphraseOptions } from "../../options/passphrase-flags.ts";
import { registryUser, withRegistry } from "../../open/registry.ts";
import { withNoInit, withTrust } from "../../open/trust.ts";
import { noInitEnvironment, noInitOption, trustEnvironment } from "../../options/trust-flags.ts";
import { dockerised, prefixed } from "../../output/docker-errors.ts";
import { writeJson } from "../../output/write-json.ts";
import { tellTrustEvents } from "../../output/trust-events.ts";

/** `docker trust sign`: signs a tag as the signer whose key is on this machine. */
export const command = defineCommand(
  {
    path: "trust sign",
    usage: "IMAGE:TAG",
    summary: "Sign an image",
    description: [
      "Adds your signature to a tag. A tag that is already signed keeps its digest and gets your signature, too. If the tag is not signed yet, or with --local, the image must be on this machine: docker or podman pushes it, and the pushed image is signed.",
      "If no container engine can be reached, a tag that is not signed yet is signed for the digest that the registry has under it now; the digest is printed. `tagseal sign IMAGE:TAG@DIGEST` needs no engine and signs a digest you name.",
      "With --propose the signature is one of several that a role needs: others add theirs with `tagseal trust approve`, and the last one publishes.",
      "In a repository without trust data, it creates the keys and adds you as the first signer, under the user name of your registry login.",
    ],
    options: {
      local: { kind: "switch", help: "Push and sign the local image, even if the tag is already signed" },
      json: jsonOption,
      "no-init": noInitOption,
      ...proposeOptions,
      ...passphraseOptions,
    },
    args: { min: 1, max: 1 },
    examples: [{ text: "add your signature to a tag", line: "tagseal trust sign registry.example.com/team/app:1.0" }],
    environment: [...trustEnvironment, ...noInitEnvironment, ...passphraseEnvironment],
    dockerExitCodes: true,
  },
  async ({ options, args: [name = ""] }, given) => {
    const io = withNoInit(given, options["no-init"]);
    const image = signableImage(name);
    const signing: Signing = { io, json: options.json, passphrases: await passphraseSource(options, io) };
    const released = await releasedTag(image, io);
    if (isProposing(options)) return await propose(image, released, options, signing);
    const initialise = released.isInitialised ? (false as const) : { signer: await firstSigner(image, io) };
    const { local } = options;
    const result = await signReleased(
      image,
      { signed: local ? undefined : released.signed, local },
      initialise,
      signing,
    );
    report(image, result, initialise, signing);
    return 0;
  },
);

/** What would be signed without `--propose`, as a proposal. */
async function propose(
  image: TaggedArgument,
  { signed }: CurrentSignature,
  { local, out }: { readonly local: boolean; readonly out?: string | undefined },
  signing: Signing,
): Promise<number> {
  const { io, json, passphrases } = signing;
  const { tag } = image;
  const target = local || signed === undefined ? await unsignedTarget(image, local, signing) : { ...signed, tag };
  const { proposeChange } = await import("../../proposals/propose-change.ts");
  const { proposeTags } = await import("../../../trust/proposals/proposed-changes.ts");
  return await proposeChange({ image, out, json, passphrases }, io, (context) => proposeTags(context, [target]));
}

async function unsignedTarget(image: TaggedArgument, required: boolean, signing: Signing): Promise<TagToSign> {
  const { io, json: quiet } = signing;
  const { pushLocalImage } = await import("../../front-end/push-local-image.ts");
  const pushed = await pushLocalImage(image, io, { required, quiet });
  if (pushed === undefined) return await fromRegistry(image, signing);
  const { confirmedSize } = await import("../../front-end/sign-pushed.ts");
  return { tag: image.tag, digest: pushed.digest, length: await confirmedSize(image.reference, pushed, io) };
}

/** A signed tag keeps its digest; an unsigned one is signed for what is pushed now or, without an engine, for what the registry has. */
async function signReleased(
  image: TaggedArgument,
  { signed, local }: Pick<CurrentSignature, "signed"> & { readonly local: boolean },
  initialise: NonNullable<SignOptions["initialise"]>,
  signing: Signing,
): Promise<SignResult> {
  const { io, json, passphrases } = signing;
  if (signed !== undefined) {
    tellExisting(image, signed, signing);
    return await signAs(image, signed, initialise, signing);
  }
  const { pushLocalImage } = await import("../../front-end/push-local-image.ts");
  const pushed = await pushLocalImage(image, io, { required: local, quiet: json });
  if (pushed === undefined) return await signAs(image, await fromRegistry(image, signing), initialise, signing);
  const { signPushed } = await import("../../front-end/sign-pushed.ts");
  return await signPushed(image.reference, pushed, io, { quiet: json, passphrases, initialise });
}

interface Signing {
  readonly io: Io;
  readonly json: boolean;
  readonly passphrases: PassphraseSource;
}

type TaggedArgument = ImageArgument & { readonly tag: string };

function signableImage(name: string): TaggedArgument {
  const image = imageArgument(name);
  const { tag, digest } = image.reference;
  if (digest !== undefined) throw new UsageError("USAGE", "cannot use a digest reference for IMAGE:TAG");
  if (tag === undefined) throw new UsageError("USAGE", `no tag specified for ${name}`);
  return { ...image, tag };
}

/** What the tag is signed for now, if anything. Events are dropped here: signing reports them. */
async function releasedTag({ reference, gun, tag }: TaggedArgument, io: Io): Promise<CurrentSignature> {
  const { currentSignature } = await import("../../../trust/publishing/current-signature.ts");
  try {
    const settings = { access: "write", notify: () => undefined } as const;
    return await withTrust(io, reference, settings, (context) => currentSignature(context, tag));
  } catch (error) {
    throw dockerised(error, gun);
  }
}

async function fromRegistry({ reference, typed, tag }: TaggedArgument, { io, json }: Signing): Promise<TagToSign> {
  const { resolveWhole } = await import("../../../registry/image-tree.ts");
  const { digest, size } = await withRegistry(io, reference, "pull", (registry) => resolveWhole(registry, tag));
  if (!json) {
    io.stderr.write(
      `Signing and pushing trust data for image ${typed}, may overwrite remote trust data\n${typed} is ${digest} in the registry now\n`,
    );
    io.stdout.write("Signing and pushing trust metadata\n");
  }
  return { tag, digest, length: size };
}

function tellExisting(
  { typed, tag }: TaggedArgument,
  { digest, signers }: NonNullable<CurrentSignature["signed"]>,
  { io, json }: Signing,
): void {
  if (json) return;
  io.stdout.write(
    `Signing and pushing trust metadata for ${typed}\nExisting signatures for tag ${tag} digest ${digestHex(digest)} from:\n${signers.join(", ")}\n`,
  );
}

/** docker names the first signer after the registry's user, and fails obscurely where there is none. */
async function firstSigner({ reference, typed }: TaggedArgument, io: Io): Promise<string> {
  const user = await registryUser(io, reference);
  const hint = `Log in with a user name of lower-case letters and digits, or use \`tagseal trust signer add\`, or sign with the repository key: tagseal sign ${typed}`;
  if (user === undefined) {
    const message = `could not add signer to repo: you are not logged in to ${reference.registry}, so the first signer of ${typed} has no name`;
    throw new UsageError("SIGNER_NAME_INVALID", message, { hint });
  }
  const { checkSignerName } = await import("../../../trust/signers/signer.ts");
  try {
    checkSignerName(user);
  } catch (error) {
    const message = `could not add signer to repo: the user name "${user}" cannot be a signer's name`;
    throw new UsageError("SIGNER_NAME_INVALID", message, { cause: error, hint });
  }
  return user;
}

async function signAs(
  { reference, gun, tag }: TaggedArgument,
  { digest, length }: TagToSign,
  initialise: NonNullable<SignOptions["initialise"]>,
  { io, passphrases }: Signing,
): Promise<SignResult> {
  const { signTags } = await import("../../../trust/publishing/sign.ts");
  const settings = { access: "write", passphrases, notify: tellTrustEvents(io, { quiet: true }) } as const;
  try {
    return await withTrust(io, reference, settings, (context) =>
      signTags(context, [{ tag, digest, length }], { initialise }),
    );
  } catch (error) {
    throw prefixed(error, `failed to sign ${gun}:${tag}`);
  }
}

function report(
  { gun, tag, typed }: TaggedArgument,
  { initialised, signed }: SignResult,
  initialise: SignOptions["initialise"],
  { io, json }: Signing,
): void {
  if (json) {
    writeJson(io, { image: typed, gun, initialised, ...signed[0] });
    return;
  }
  if (initialised && typeof initialise === "object") {
    io.stdout.write(`Created signer: ${initialise.signer}\nFinished initializing signed repository for ${typed}\n`);
  }
  io.stdout.write(`Successfully signed ${gun}:${tag}\n`);
}
