/** The logins that a registry is shown: docker's, unless a caller has another source. */
export type { Credentials, CredentialSource, LoginTarget } from "../docker-config/credentials.ts";
export { DockerConfig, loadDockerConfig } from "../docker-config/docker-login.ts";
