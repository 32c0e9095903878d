/** What the table of verdicts is about: repositories in every state, and people with different memories and policies. */
import { cp, rm } from "node:fs/promises";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { RegistryClient } from "../../src/registry/registry-client.ts";
import { type Descriptor, mediaTypes } from "../../src/registry/manifest.ts";
import { contentOf, manifestBytes } from "../support/registry-story.ts";
import type { CliSandbox } from "../cli/cli-sandbox.ts";

/** The images of the table. */
export interface VerdictImages {
  /** `127.0.0.1:PORT/team/app` */
  readonly gun: string;
  readonly signed: string;
  readonly second: string;
  /** of an index for one platform, and of that platform's image */
  readonly index: string;
  readonly platform: string;
  readonly unsigned: string;
  /** the key ID of the root key of `gun` */
  readonly rootKey: string;
}

/** Publishes the images; `moved` means another image in the registry than the signed one. */
export async function publishImages(stage: CliSandbox): Promise<VerdictImages> {
  const gun = stage.repository("team/app");
  const [registry = "", ...path] = gun.split("/");
  const client = RegistryClient.forReference({ registry, repository: path.join("/") }, { access: "push" });
  const push = async (tag: string, label = tag): Promise<string> => (await pushImage(client, tag, label)).digest;
  const sign = async (...tags: readonly string[]): Promise<void> => {
    await stage.ok(["sign", "--from-registry", ...tags.map((tag) => `${gun}:${tag}`)]);
  };
  const [signed, second, , , unsigned] = [
    await push("v1"),
    await push("v2"),
    await push("gone"),
    await push("moved", "honest"),
    await push("raw"),
  ];
  const platform = await pushImage(client, "platform", "platform");
  const bytes = Buffer.from(
    JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [platform] }),
  );
  const index = (await client.pushManifest("multi", bytes, mediaTypes.ociIndex)).digest;
  await sign("v1", "v2", "gone", "moved", "multi");
  await stage.ok(["trust", "revoke", `${gun}:gone`]);
  await push("moved", "stolen");
  const other = RegistryClient.forReference({ registry, repository: "team/unsigned" }, { access: "push" });
  await pushImage(other, "v1", "v1");
  for (const each of [client, other]) each.close();
  const inspected = JSON.parse((await stage.ok(["trust", "inspect", gun])).stdout) as [
    { AdministrativeKeys: { Name: string; Keys: { ID: string }[] }[] },
  ];
  const rootKey = inspected[0].AdministrativeKeys.find(({ Name }) => Name === "Root")?.Keys[0]?.ID ?? "";
  return { gun, signed, second, index, platform: platform.digest, unsigned, rootKey };
}

/** Pushes an image of one layer, whole enough to be signed. */
async function pushImage(client: RegistryClient, tag: string, label: string): Promise<Descriptor> {
  const layer = contentOf(`layer of ${label}`);
  const rootfs = { type: "layers", diff_ids: [layer.descriptor.digest] };
  const config = contentOf(JSON.stringify({ os: "linux", architecture: "amd64", rootfs, label }));
  for (const part of [config, layer]) await client.pushBlob(part);
  return await client.pushManifest(tag, manifestBytes(config.descriptor, [layer.descriptor]), mediaTypes.ociManifest);
}

/** Does something while the trust server is down. */
export async function whileDown<T>(stage: CliSandbox, work: () => Promise<T>): Promise<T> {
  await stage.sandbox.stopTrustServer();
  try {
    return await work();
  } finally {
    await stage.sandbox.startTrustServer();
  }
}

/** Keeps the trust server's present state. @returns what sets the server back to it */
export async function keepState(stage: CliSandbox, name: string): Promise<() => Promise<void>> {
  const { serverDirectory } = stage.sandbox;
  const copy = stage.path(name);
  await whileDown(stage, async () => await cp(serverDirectory, copy, { recursive: true }));
  return async () =>
    await whileDown(stage, async () => {
      await rm(serverDirectory, { recursive: true });
      await cp(copy, serverDirectory, { recursive: true });
    });
}

/** Writes a person's policy to the usual place. */
export function giveText(env: Readonly<Record<string, string>>, text: string): void {
  const directory = join(env["DOCKER_CONFIG"] ?? "", "trust");
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, "policy.json"), text);
}
