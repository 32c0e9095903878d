/** The second half of every push: checks against the registry what the engine says it pushed, then signs it. */
import type { PushedImage } from "../../engine/engine.ts";
import { NetworkError } from "../../errors.ts";
import type { PassphraseSource } from "../../keys/passphrase.ts";
import type { Digest } from "../../reference/digest.ts";
import { familiarReference, gunOf, type ImageReference } from "../../reference/image-reference.ts";
import type { SignOptions, SignResult } from "../../trust/publishing/sign.ts";
import type { Io } from "../io.ts";
import { passphraseSource } from "../open/passphrases.ts";
import { withRegistry } from "../open/registry.ts";
import { withTrust } from "../open/trust.ts";
import { tellTrustEvents } from "../output/trust-events.ts";
import { unsignedPush } from "../output/unsigned-push.ts";

/** How {@link signPushed} signs. */
export interface SignPushedOptions {
  /** print warnings only */
  readonly quiet?: boolean;
  readonly passphrases?: PassphraseSource;
  /** how to initialise a repository without trust data; default as a push does */
  readonly initialise?: NonNullable<SignOptions["initialise"]>;
}

/**
 * Signs a tag for the pushed image, with docker's lines on standard output. The registry must serve exactly that digest with that size, byte
 * for byte; an index is signed as a whole.
 *
 * @param image names repository and tag
 * @throws TagsealError with docker's `failed to sign …` before it and how to finish after it; nothing is left staged
 */
export async function signPushed(
  image: ImageReference,
  pushed: Pick<PushedImage, "tag" | "digest" | "size">,
  io: Io,
  options: SignPushedOptions = {},
): Promise<SignResult> {
  const gun = gunOf(image);
  const { tag, digest } = pushed;
  const say = (text: string): void => {
    if (options.quiet !== true) io.stdout.write(text);
  };
  say("Signing and pushing trust metadata\n");
  const length = await confirmedSize(image, pushed, io).catch((error: unknown) => {
    throw unsignedPush(error, { image, tag, digest }, io, "registry");
  });
  try {
    const result = await sign(image, { tag, digest, length }, io, { ...options, say });
    if (options.initialise === undefined || options.initialise === "targets")
      say(`Successfully signed ${gun}:${tag}\n`);
    return result;
  } catch (error) {
    throw unsignedPush(error, { image, tag, digest }, io);
  }
}

async function sign(
  image: ImageReference,
  target: { readonly tag: string; readonly digest: Digest; readonly length: number },
  io: Io,
  { passphrases, initialise, say }: SignPushedOptions & { readonly say: (text: string) => void },
): Promise<SignResult> {
  const { signTags } = await import("../../trust/publishing/sign.ts");
  const settings = {
    access: "write",
    passphrases: passphrases ?? (await passphraseSource({}, io)),
    notify: tellTrustEvents(io, {
      quiet: true,
      ...(initialise === undefined && { sayInitialised: (gun) => say(`Finished initializing "${gun}"\n`) }),
    }),
  } as const;
  return await withTrust(io, image, settings, (context) =>
    signTags(context, [target], initialise === undefined ? {} : { initialise }),
  );
}

/** Compares the engine's report with the registry: a wrong report must not be signed. @returns bytes of the manifest */
export async function confirmedSize(
  image: ImageReference,
  { digest, size }: Pick<PushedImage, "digest" | "size">,
  io: Io,
): Promise<number> {
  const { resolveWhole } = await import("../../registry/image-tree.ts");
  const found = await withRegistry(io, image, "pull", (registry) => resolveWhole(registry, digest));
  if (size === undefined || size === found.size) return found.size;
  const message = `the engine says it pushed ${size} bytes as ${digest}, and the registry has ${found.size}`;
  throw new NetworkError("REGISTRY_DIGEST_MISMATCH", message);
}

/** Says why a push was not signed: signatures belong to tags, and the user did not type one. */
export function tellUnsigned(image: ImageReference, io: Io): void {
  const tagged = familiarReference({ ...image, tag: image.tag ?? "TAG" });
  io.stderr.write(
    `No tag specified, skipping trust metadata push\nhint: To sign it, name the tag: ${io.program.shownAs} push ${tagged}\n`,
  );
}
