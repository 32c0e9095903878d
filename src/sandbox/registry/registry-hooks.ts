import type { IncomingMessage, ServerResponse } from "node:http";
import type { Digest } from "../../reference/digest.ts";

/** What a manifest request is answered with. The digest is a claim: a hook may lie. */
export interface ServedManifest {
  readonly digest: string;
  readonly mediaType: string;
  readonly bytes: Uint8Array;
}

/** Ways for demonstrations and attack tests to make the registry misbehave. An honest registry has none set. */
export interface RegistryHooks {
  /** sees every request first; true means it answered (or chose silence) and nothing more is done */
  intercept?: ((request: IncomingMessage, response: ServerResponse) => boolean | Promise<boolean>) | undefined;
  /** replaces what a manifest request gets; undefined answers 404 */
  manifest?:
    | ((asked: {
        readonly repository: string;
        readonly tagOrDigest: string;
        readonly stored: ServedManifest | undefined;
      }) => ServedManifest | undefined | Promise<ServedManifest | undefined>)
    | undefined;
  /** replaces a blob's bytes; undefined serves the honest ones */
  blob?:
    | ((asked: {
        readonly repository: string;
        readonly digest: Digest;
        readonly size: number;
      }) => Uint8Array | undefined | Promise<Uint8Array | undefined>)
    | undefined;
}
