/**
 * Real peers for tests, each on a free loopback port in the scope's own directory, stopped when the scope closes:
 *
 *   describe("…", { skip: missingPeers(["notary", "docker", "dockerd", "registry"]) }, () => {
 *     const scope = new Scope("rotation");
 *     after(() => scope.close());
 *     before(async () => {
 *       server = await startNotary(scope, { store: "postgres" });
 *       user = client(scope, { server, engine: await startDockerd(scope) });
 *     });
 */
export { installBuildx, startBuildkitd, type Buildkit, type BuildkitOptions } from "./buildkitd.ts";
export { certificates, type Certificates } from "./certificates.ts";
export {
  client,
  launcher,
  passphraseEnvironment,
  passphrases,
  tagsealCommand,
  type Client,
  type ClientOptions,
} from "./clients.ts";
export { startDockerd, type Engine } from "./dockerd.ts";
export { startDockerRegistry, type Registry, type RegistryOptions } from "./docker-registry.ts";
export {
  buildImage,
  layoutBlobs,
  writeIndexLayout,
  writeLayout,
  type LayoutImage,
  type LayoutIndex,
} from "./images.ts";
export {
  signerPassphrases,
  startNotary,
  startNotarySigner,
  type NotaryOptions,
  type NotaryServer,
  type NotarySigner,
  type NotaryStore,
  type TrustServer,
} from "./notary-server.ts";
export {
  findExecutable,
  freePort,
  portAnswers,
  readText,
  run,
  runOk,
  Scope,
  waitUntil,
  type Finished,
  type Running,
} from "./processes.ts";
export { missingPeers, requirePeers, type Peer } from "./requirements.ts";
export { startTagsealServer, type TagsealServerOptions } from "./tagseal-server.ts";
export { startTagsealSigner, type TagsealSigner } from "./tagseal-signer.ts";
export { startTokenServer, type TokenServer } from "./token-server.ts";
export { runOnTerminal, type PromptAnswer, type TerminalSession } from "./pty.ts";
