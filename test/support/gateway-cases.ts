/** The images that no engine gets through a gateway, each with its words: one table for the suites of all engines. The registry has each of them. */

/** One of them. */
export interface RefusedImage {
  /** its name in the registry; after `@` comes the digest of what the registry's `stolen` tag has */
  readonly image: string;
  /** what engines show; of a status other than 403 they show only that */
  readonly words: RegExp;
  /** 503 when it cannot be decided, otherwise 403 */
  readonly status?: 503;
}

/** By the reason. */
export const refusedImages: Readonly<Record<string, RefusedImage>> = {
  unsigned: { image: "team/app:raw", words: /No valid trust data for raw/u },
  revoked: { image: "team/app:old", words: /No valid trust data for old/u },
  "of an unknown repository": { image: "nobody/app:v1", words: /does not have trust data for/u },
  expired: { image: "expired/app:v1", words: /timestamp expired at/u },
  "rolled back": { image: "back/app:v1", words: /version 1 is lower than current version 2/u },
  "signed by others than the policy asks for": { image: "signers/app:v1", words: /1 of release must have signed it/u },
  "signed with another root than the pinned one": {
    image: "pinned/app:v1",
    words: /unable to match any certificates to trust_pinning config/u,
  },
  "what a signed tag was moved to, by its digest": {
    image: "team/app@stolen",
    words: /no tag of \S+ is signed for sha256:/u,
  },
  "of a trust server that does not answer, with nothing remembered": {
    image: "down/app:v1",
    words: /503 Service Unavailable/u,
    status: 503,
  },
};
