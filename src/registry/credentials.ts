/** The words of logins, for users of registries. */
export type { Credentials, CredentialSource, LoginTarget } from "../docker-config/credentials.ts";
