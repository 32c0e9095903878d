/** crane and oras, which people use beside or in place of docker, on today's registry: what Tagseal pushes they read, what they push it signs. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { findGoPeer, type GoPeer } from "../support/go-peers.ts";
import {
  client,
  layoutBlobs,
  missingPeers,
  runOk,
  Scope,
  startDockerRegistry,
  startTagsealServer,
  writeIndexLayout,
  type Client,
  type LayoutIndex,
  type Registry,
} from "../support/peers.ts";

interface Tool {
  readonly name: GoPeer & ("crane" | "oras");
  /** arguments that push the index of a layout */
  readonly push: (made: LayoutIndex, image: string) => readonly string[];
  /** arguments that copy an image into a layout */
  readonly pull: (image: string, directory: string) => readonly string[];
  /** arguments that print the digest of a tag */
  readonly digest: (image: string) => readonly string[];
}

const tools: readonly Tool[] = [
  {
    name: "crane",
    push: ({ directory }, image) => ["push", directory, image],
    pull: (image, directory) => ["pull", "--format=oci", image, directory],
    digest: (image) => ["digest", image],
  },
  {
    name: "oras",
    push: ({ directory, index }, image) => [
      "cp",
      "--from-oci-layout",
      "--to-plain-http",
      `${directory}@${index.digest}`,
      image,
    ],
    pull: (image, directory) => ["cp", "--from-plain-http", "--to-oci-layout", image, `${directory}:v1`],
    digest: (image) => ["resolve", "--plain-http", image],
  },
];

const missing = missingPeers(["crane", "oras", "registry 3", "openssl"]);

describe("image tools and Tagseal", { skip: missing }, () => {
  const scope = new Scope("image-tools");
  let registry: Registry;
  let user: Client;
  let made: LayoutIndex;

  before(async () => {
    const [server, started] = await Promise.all([
      startTagsealServer(scope),
      startDockerRegistry(scope, { version: 3 }),
    ]);
    registry = started;
    user = client(scope, { server });
    made = await writeIndexLayout(scope.path("made"), "made");
  });
  after(async () => await scope.close());

  const call = async (tool: Tool, args: readonly string[]): Promise<string> => {
    const env = { HOME: scope.directory, DOCKER_CONFIG: user.dockerConfig };
    return (await runOk(findGoPeer(tool.name) ?? tool.name, args, { env, cwd: scope.directory })).stdout.trim();
  };
  const verified = async (image: string): Promise<string> => {
    const { stdout } = await user.tagsealOk(["verify", "--json", image]);
    return (JSON.parse(stdout) as { readonly digest: string }).digest;
  };

  for (const tool of tools) {
    it(`${tool.name} reads what Tagseal pushed and signed, byte for byte`, async () => {
      const image = `${registry.host}/ours/${tool.name}:v1`;
      await user.tagsealOk(["push", "--quiet", "--from", `oci:${made.directory}`, image]);
      assert.equal(await call(tool, tool.digest(image)), made.index.digest);
      const read = scope.path(`read-by-${tool.name}`);
      await call(tool, tool.pull(image, read));
      assert.deepEqual(layoutBlobs(read), layoutBlobs(made.directory));
      assert.equal(await verified(image), made.index.digest);
    });

    it(`what ${tool.name} pushed is refused until Tagseal signed it, and then pulled byte for byte`, async () => {
      const image = `${registry.host}/theirs/${tool.name}:v1`;
      await call(tool, tool.push(made, image));
      assert.match((await user.tagseal(["verify", image])).stderr, /\[REPOSITORY_NOT_SIGNED\]/u);
      await user.tagsealOk(["sign", `${image}@${await call(tool, tool.digest(image))}`]);
      assert.equal(await verified(image), made.index.digest);
      const read = scope.path(`pulled-after-${tool.name}`);
      await user.tagsealOk(["pull", "--to", `oci:${read}`, image]);
      assert.deepEqual(layoutBlobs(read), layoutBlobs(made.directory));
    });
  }
});
