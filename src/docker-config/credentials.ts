import type { ImageReference } from "../reference/image-reference.ts";

/** A user name and a password (or an access token in its place). */
export interface UserAndPassword {
  readonly username: string;
  readonly password: string;
}

/** Credentials for a registry or its token service. Never logged, never part of an error. */
export type Credentials =
  | ({ readonly kind: "basic" } & UserAndPassword)
  /** a refresh token, exchanged at the token service; some logins keep a password beside it, for servers that have no such service */
  | { readonly kind: "identity-token"; readonly token: string; readonly basic?: UserAndPassword }
  /** a bearer token for the registry itself */
  | { readonly kind: "registry-token"; readonly token: string; readonly basic?: UserAndPassword };

/** The target of a login: a repository, or a registry as a whole. */
export type LoginTarget = Pick<ImageReference, "registry"> & Partial<Pick<ImageReference, "repository">>;

/** Finds the credentials for a repository; undefined means anonymous. */
export type CredentialSource = (target: LoginTarget, signal?: AbortSignal) => Promise<Credentials | undefined>;
