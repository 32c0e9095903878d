/** The logins that a registry is shown: docker's, unless a caller has a source of its own. */
export type { Credentials, CredentialSource, LoginTarget } from "../docker-config/credentials.ts";
export { DockerConfig, loadDockerConfig } from "../docker-config/docker-login.ts";
