import type { Digest } from "../../reference/digest.ts";
import { familiarName, gunOf, type ImageReference } from "../../reference/image-reference.ts";
import { otherTransport } from "../podman-transports.ts";
import { DockerfileRefused } from "./refused.ts";

/**
 * The name of a digest for an engine: docker shows short names, podman would look for them in several registries.
 *
 * @throws UsageError `DOCKERFILE_REFUSED` for a registry whose name podman takes for a directory or an archive
 */
export function pinnedName(engine: "docker" | "podman", reference: ImageReference, digest: Digest): string {
  if (engine === "podman" && otherTransport.test(gunOf(reference))) {
    throw new DockerfileRefused(
      `${gunOf(reference)} is not a registry for podman`,
      "use another name for the registry",
    );
  }
  return `${engine === "docker" ? familiarName(reference) : gunOf(reference)}@${digest}`;
}
