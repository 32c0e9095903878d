/** What docker says and is told under content trust. */
import type { Client } from "./clients.ts";
import type { Environment } from "./processes.ts";

/** Content trust on, for one command. */
export const trustOn: Environment = { DOCKER_CONTENT_TRUST: "1" };

/** Content trust off, for one command. */
export const trustOff: Environment = { DOCKER_CONTENT_TRUST: undefined };

/** One image as `docker trust inspect` prints it. */
export interface Inspection {
  readonly Name: string;
  readonly SignedTags: readonly {
    readonly SignedTag: string;
    readonly Digest: string;
    readonly Signers: readonly string[];
  }[];
  readonly Signers: readonly { readonly Name: string; readonly Keys: readonly { readonly ID: string }[] }[];
  readonly AdministrativeKeys: readonly { readonly Name: string; readonly Keys: readonly { readonly ID: string }[] }[];
}

function firstInspection(stdout: string): Inspection {
  const [inspection] = JSON.parse(stdout) as Inspection[];
  if (inspection === undefined) throw new Error("trust inspect printed an empty list");
  return inspection;
}

/** `docker trust inspect` of one image or repository. */
export async function dockerInspect(user: Client, name: string): Promise<Inspection> {
  return firstInspection((await user.dockerOk(["trust", "inspect", name])).stdout);
}

/** `tagseal trust inspect`, which promises the same JSON. */
export async function tagsealInspect(user: Client, name: string): Promise<Inspection> {
  return firstInspection((await user.tagsealOk(["trust", "inspect", name])).stdout);
}

/** The digest docker says a tag is signed for, as `sha256:…`. */
export async function signedDigest(user: Client, image: string): Promise<string> {
  const { SignedTags } = await dockerInspect(user, image);
  const [tag] = SignedTags;
  if (tag === undefined) throw new Error(`docker knows no signature for ${image}`);
  return `sha256:${tag.Digest}`;
}
