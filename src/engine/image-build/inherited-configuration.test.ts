import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { clientOf, contentOf, embeddedRegistry, refusal } from "../../../test/support/registry-story.ts";
import { describe, type Descriptor, mediaTypes } from "../../registry/manifest.ts";
import type { RegistryClient } from "../../registry/registry-client.ts";
import { registryConfigurations } from "./inherited-configuration.ts";

async function registryTriggers(app: RegistryClient, digest: Descriptor["digest"]): Promise<string[]> {
  return (await registryConfigurations(app, digest)).flatMap(({ triggers }) => triggers);
}

async function repository(t: TestContext): Promise<RegistryClient> {
  return clientOf(t, await embeddedRegistry(t));
}

async function pushImage(app: RegistryClient, configuration: string): Promise<Descriptor> {
  const config = contentOf(configuration, mediaTypes.ociConfig);
  await app.pushBlob(config);
  return await pushed(app, { config: config.descriptor, layers: [] }, mediaTypes.ociManifest);
}

async function pushed(app: RegistryClient, document: object, mediaType: string): Promise<Descriptor> {
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...document }));
  return await app.pushManifest(describe(bytes, mediaType).digest, bytes, mediaType);
}

test("triggers are found in every image of an index, and of an index in it", async (t) => {
  const app = await repository(t);
  const images = [];
  for (const trigger of ["RUN one", "RUN two", "RUN three"]) {
    images.push(await pushImage(app, JSON.stringify({ config: { OnBuild: [trigger] } })));
  }
  const inner = await pushed(app, { manifests: images.slice(1) }, mediaTypes.ociIndex);
  const root = await pushed(app, { manifests: [images[0], inner] }, mediaTypes.ociIndex);
  assert.deepEqual(await registryTriggers(app, root.digest), ["RUN one", "RUN two", "RUN three"]);
});

test("a trigger is found wherever an engine finds it: other cases, repeated members, odd numbers", async (t) => {
  const app = await repository(t);
  for (const configuration of [
    '{"Config":{"ONBUILD":["RUN x"]}}',
    '{"config":{"OnBuild":["RUN x"]},"config":{"Env":[]},"config":null}',
    '{"config":{"OnBuild":["RUN x"]},"Config":{}}',
    '{"config":{"OnBuild":["RUN x"],"Memory":6.5536e+07},"container_config":{"CpuShares":1.5}}',
  ]) {
    const image = await pushImage(app, configuration);
    assert.deepEqual(await registryTriggers(app, image.digest), ["RUN x"], configuration);
  }
});

test("I9: an image that the registry does not show us is not taken for one without triggers", async (t) => {
  const registry = await embeddedRegistry(t);
  const app = clientOf(t, registry);
  const image = await pushImage(app, "{}");
  const root = await pushed(app, { manifests: [image] }, mediaTypes.ociIndex);
  registry.hooks.intercept = (request, response) => {
    if (request.url?.includes(image.digest) !== true) return false;
    response.writeHead(404).end();
    return true;
  };
  await refusal(registryTriggers(app, root.digest), "REGISTRY_NOT_FOUND");
});
