/** The image of a container as the engine is to get it: a digest or an ID in place of a name. */
import type { EngineKind } from "../../engine/command-line/invocation.ts";
import type { TrustedReference } from "../../engine/trusted-reference.ts";
import { familiarReference, gunOf, type ImageReference } from "../../reference/image-reference.ts";
import type { EngineCommandContext } from "./engine-command.ts";
import { parseEngineImage } from "./engine-image.ts";
import { resolveImage } from "./trusted-image.ts";

/** An image ID as docker shows it: docker prints twelve digits; fewer could be the name of an image. */
const shortId = /^[0-9a-f]{12,63}$/;
const fullId = /^(?:sha256:)?[0-9a-f]{64}$/;

/** An image name for the engine, and what it was resolved to; names that are exact already are not resolved. */
export interface TrustedImage {
  readonly name: string;
  readonly resolved?: TrustedReference;
}

/** Resolves the name of an image under content trust; an ID stands for itself. */
export async function trustedImage(text: string, context: EngineCommandContext): Promise<TrustedImage> {
  if (fullId.test(text)) return { name: text };
  const id = shortId.test(text) ? await idOf(text, context) : undefined;
  if (id !== undefined) return { name: id };
  const typed = parseEngineImage(text, context);
  if (!isExact(typed)) context.engine.prepare();
  const resolved = await resolveImage(typed, context.io);
  if (resolved === undefined || isExact(typed)) return { name: text };
  return { name: pinnedName(typed, resolved, context.engine.kind), resolved };
}

/** A digest alone is used as it was written. */
function isExact({ tag, digest }: ImageReference): boolean {
  return tag === undefined && digest !== undefined;
}

/** The full ID, when the text is the beginning of one: an ID takes precedence over a name. */
async function idOf(text: string, { engine }: EngineCommandContext): Promise<string | undefined> {
  const found = await engine.findImage(text);
  return found?.id.startsWith(`sha256:${text}`) === true ? found.id : undefined;
}

/**
 * The name for the engine. docker finds `name:tag@digest` by its digest and shows it as `name:tag`, so that `docker ps` stays readable; podman
 * takes one or the other.
 */
function pinnedName(typed: ImageReference, { reference, digest }: TrustedReference, kind: EngineKind): string {
  return kind === "podman" ? `${gunOf(reference)}@${digest}` : familiarReference({ ...typed, digest });
}
