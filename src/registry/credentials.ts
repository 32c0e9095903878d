/** The credentials for registries: docker's, unless the caller has another source. */
export type { Credentials, CredentialSource, LoginTarget } from "../docker-config/credentials.ts";
export { DockerConfig, loadDockerConfig } from "../docker-config/docker-login.ts";
