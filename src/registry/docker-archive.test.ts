import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createReadStream, createWriteStream } from "node:fs";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { tmpdir } from "node:os";
import { PassThrough, Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { test } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { fuzzRuns, hostileBytes } from "../../test/support/fuzz.ts";
import { contentOf, gathered, manifestBytes, refusal } from "../../test/support/registry-story.ts";
import { tarOf, type TarFile } from "../../test/support/tar-files.ts";
import { temporaryDirectory } from "../../test/support/temporary-directory.ts";
import { TagsealError } from "../errors.ts";
import { openDockerArchive } from "./docker-archive.ts";
import { requireWholeImages, sourceParts } from "./image-tree.ts";
import { describe, type Descriptor, mediaTypes, parseManifest } from "./manifest.ts";

const layer = contentOf("a layer, not compressed");
const second = contentOf("another layer");
const config = contentOf(
  JSON.stringify({
    os: "linux",
    architecture: "amd64",
    rootfs: { type: "layers", diff_ids: [layer.descriptor.digest, second.descriptor.digest] },
  }),
);
const configHex = config.descriptor.digest.slice(7);
const bytesOf = async (content: { open(offset: number): AsyncIterable<Uint8Array> }): Promise<Buffer> =>
  await gathered(content.open(0));
const configText = (await bytesOf(config)).toString();

function legacy(
  more: Partial<Record<"Config" | "RepoTags" | "Layers", unknown>> = {},
  layers?: readonly TarFile[],
): TarFile[] {
  const manifest = [
    { Config: `${configHex}.json`, RepoTags: ["app:1"], Layers: ["one/layer.tar", "two/layer.tar"], ...more },
  ];
  return [
    { name: `${configHex}.json`, content: configText },
    { name: "one/", type: "directory" },
    { name: "two/", type: "directory" },
    ...(layers ?? [
      { name: "one/layer.tar", content: "a layer, not compressed" },
      { name: "two/layer.tar", content: "another layer" },
    ]),
    { name: "manifest.json", content: JSON.stringify(manifest) },
  ];
}

test("reads docker's layout: a manifest is made, always the same", async (t) => {
  const source = await openDockerArchive(await tarOf(t, legacy()));
  const parsed = parseManifest(source.root.bytes, source.root.descriptor.mediaType);
  assert.ok(parsed.kind === "image");
  assert.equal(parsed.config.digest, config.descriptor.digest);
  assert.deepEqual(
    parsed.layers.map(({ digest, size }) => [digest, size]),
    [
      [layer.descriptor.digest, layer.descriptor.size],
      [second.descriptor.digest, second.descriptor.size],
    ],
  );
  assert.equal((await gathered(source.blob(layer.descriptor).open(0))).toString(), "a layer, not compressed");
  assert.equal((await gathered(source.blob(layer.descriptor).open(9))).toString(), "not compressed");
  const again = await openDockerArchive(await tarOf(t, legacy()));
  assert.equal(again.root.descriptor.digest, source.root.descriptor.digest);
});

test("gzipped layers keep their bytes; their uncompressed content is checked", async (t) => {
  const packed = gzipSync("a layer, not compressed");
  const files = [
    { name: "one/layer.tar", content: packed },
    { name: "two/layer.tar", content: "another layer" },
  ];
  const source = await openDockerArchive(await tarOf(t, legacy({}, files)));
  const parsed = parseManifest(source.root.bytes, source.root.descriptor.mediaType);
  assert.ok(parsed.kind === "image");
  assert.deepEqual(
    parsed.layers.map(({ mediaType }) => mediaType),
    [mediaTypes.ociLayerGzip, mediaTypes.ociLayer],
  );
  assert.deepEqual(await gathered(source.blob(parsed.layers[0] ?? layer.descriptor).open(0)), packed);
  const swapped = [{ name: "one/layer.tar", content: gzipSync("evil") }, files[1] ?? { name: "x" }];
  await refusal(openDockerArchive(await tarOf(t, legacy({}, swapped))), "IMAGE_MALFORMED", /the configuration says/);
  const broken = [{ name: "one/layer.tar", content: packed.subarray(0, 20) }, files[1] ?? { name: "x" }];
  await refusal(openDockerArchive(await tarOf(t, legacy({}, broken))), "IMAGE_MALFORMED");
});

test("a gzipped archive is unpacked first, and its copy removed at the end", async (t) => {
  const path = await tarOf(t, legacy());
  await writeFile(`${path}.gz`, gzipSync(await readFile(path)));
  const source = await openDockerArchive(`${path}.gz`);
  assert.equal((await gathered(source.blob(second.descriptor).open(0))).toString(), "another layer");
  await source.close();
  assert.equal((await readdir(dirname(path))).length, 2);
  await writeFile(`${path}.bad`, gzipSync(await readFile(path)).subarray(0, 50));
  await refusal(openDockerArchive(`${path}.bad`), "IMAGE_MALFORMED", /broken gzip/);
});

const packers: readonly [name: string, pack: (bytes: Buffer) => Buffer][] = [
  ["gzip", gzipSync],
  ["zstd", zstdCompressSync],
  ...["bzip2", "xz"].map((program): [string, (bytes: Buffer) => Buffer] => [
    program,
    (bytes) => execFileSync(program, ["-c"], { input: bytes }),
  ]),
];
for (const [name, packed] of packers) {
  test(`an archive packed with ${name} is read, from a file and from a pipe, and a broken one refused`, async (t) => {
    const path = await tarOf(t, legacy());
    const bytes = packed(await readFile(path));
    await writeFile(`${path}.packed`, bytes);
    async function* piped(): AsyncGenerator<Uint8Array, void> {
      for (const byte of bytes.subarray(0, 9)) yield Uint8Array.of(byte);
      yield bytes.subarray(9);
    }
    for (const archive of [`${path}.packed`, { file: "-", stream: Readable.from(piped()) }]) {
      const source = await openDockerArchive(archive);
      assert.equal((await gathered(source.blob(second.descriptor).open(0))).toString(), "another layer");
      await source.close();
    }
    await writeFile(`${path}.bad`, bytes.subarray(0, 60));
    await refusal(openDockerArchive(`${path}.bad`), "IMAGE_MALFORMED", new RegExp(`broken ${name}`));
  });
}

test("a layer packed with zstd keeps its bytes; a compression that images cannot have is refused by name", async (t) => {
  const rest = { name: "two/layer.tar", content: "another layer" };
  const zstd = legacy({}, [{ name: "one/layer.tar", content: zstdCompressSync("a layer, not compressed") }, rest]);
  const source = await openDockerArchive(await tarOf(t, zstd));
  const parsed = parseManifest(source.root.bytes, source.root.descriptor.mediaType);
  assert.equal(parsed.kind === "image" && parsed.layers[0]?.mediaType, mediaTypes.ociLayerZstd);
  const bzip2 = execFileSync("bzip2", ["-c"], { input: "a layer, not compressed" });
  const other = legacy({}, [{ name: "one/layer.tar", content: bzip2 }, rest]);
  await refusal(openDockerArchive(await tarOf(t, other)), "IMAGE_MALFORMED", /packed with bzip2/);
});

test("an archive is read from a named pipe", async (t) => {
  const path = await tarOf(t, legacy());
  execFileSync("mkfifo", [`${path}.pipe`]);
  const [source] = await Promise.all([
    openDockerArchive(`${path}.pipe`),
    pipeline(createReadStream(path), createWriteStream(`${path}.pipe`)),
  ]);
  assert.equal((await gathered(source.blob(second.descriptor).open(0))).toString(), "another layer");
  await source.close();
});

test("waiting for a pipe ends at once when the command is stopped, and nothing stays behind", async () => {
  const stop = new AbortController();
  const before = (await readdir(tmpdir())).filter((name) => name.startsWith("tagseal-archive-"));
  const opening = openDockerArchive({ file: "-", stream: new PassThrough(), signal: stop.signal });
  setTimeout(() => stop.abort(), 20);
  await refusal(opening, "CANCELLED");
  const after = (await readdir(tmpdir())).filter((name) => name.startsWith("tagseal-archive-"));
  assert.deepEqual(after, before);
});

test("a directory is no archive", async (t) => {
  const error = await refusal(openDockerArchive(temporaryDirectory(t)), "FILE_UNREADABLE", /is a directory/);
  assert.match(error.hint ?? "", /oci:/);
});

/** An archive as docker 25 writes it, with both descriptions of one image. */
function both(manifests: unknown, layers: readonly Descriptor[], tags: unknown = null): TarFile[] {
  const bytes = manifestBytes(config.descriptor, layers);
  const root = describe(bytes, mediaTypes.ociManifest);
  const blob = ({ digest }: Descriptor): string => `blobs/sha256/${digest.slice(7)}`;
  const Layers = [layer, second].map(({ descriptor }) => blob(descriptor));
  return [
    { name: "oci-layout", content: '{"imageLayoutVersion":"1.0.0"}' },
    { name: "index.json", content: JSON.stringify({ schemaVersion: 2, manifests: manifests ?? [root] }) },
    { name: blob(root), content: bytes },
    { name: blob(config.descriptor), content: configText },
    { name: blob(layer.descriptor), content: "a layer, not compressed" },
    { name: blob(second.descriptor), content: "another layer" },
    { name: "manifest.json", content: JSON.stringify([{ Config: blob(config.descriptor), RepoTags: tags, Layers }]) },
  ];
}

test("the complete description is read: manifest.json where the layout lists nothing, or an image without its layers", async (t) => {
  const all = [layer.descriptor, second.descriptor];
  const cases: [TarFile[], string?][] = [
    [both(null, all)],
    [both([], all)],
    [both(undefined, [])],
    [both(undefined, all.slice(1))],
    [both(undefined, all, ["app:1"]), "app:1"],
  ];
  for (const [files, name] of cases) {
    const source = await openDockerArchive(await tarOf(t, files), name);
    const parsed = parseManifest(source.root.bytes, source.root.descriptor.mediaType);
    assert.equal(parsed.kind === "image" && parsed.layers.length, 2);
  }
  const lost = both(undefined, []).filter(({ name }) => name !== "manifest.json");
  const source = await openDockerArchive(await tarOf(t, lost));
  await refusal(requireWholeImages(source.root, sourceParts(source)), "IMAGE_MALFORMED", /0 layers where/);
  const torn = both(undefined, []).map((file) =>
    file.name === "manifest.json"
      ? { ...file, content: file.content?.toString().replace(/"Layers":.*]/, '"Layers":[]') ?? "" }
      : file,
  );
  await refusal(openDockerArchive(await tarOf(t, torn)), "IMAGE_MALFORMED");
});

test("an image without layers may have any form that Go writes", async (t) => {
  const none = contentOf('{"os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":null}}');
  for (const Layers of [null, [], undefined]) {
    const files = [
      { name: "config.json", content: await bytesOf(none) },
      { name: "manifest.json", content: JSON.stringify([{ Config: "config.json", RepoTags: null, Layers }]) },
    ];
    const source = await openDockerArchive(await tarOf(t, files));
    assert.deepEqual(JSON.parse(Buffer.from(source.root.bytes).toString()).layers, []);
  }
});

test("layers may be links inside the archive, as docker save writes shared ones", async (t) => {
  const layers: TarFile[] = [
    { name: "shared/layer.tar", content: "a layer, not compressed" },
    { name: "one/layer.tar", type: "symlink", linkname: "../shared/layer.tar" },
    { name: "two/layer.tar", content: "another layer" },
  ];
  const source = await openDockerArchive(await tarOf(t, legacy({}, layers)));
  assert.equal((await gathered(source.blob(layer.descriptor).open(0))).toString(), "a layer, not compressed");
});

test("a layer that an image has twice is read once, wherever its second name points", async (t) => {
  const twice = contentOf(
    JSON.stringify({
      rootfs: { type: "layers", diff_ids: [layer, second, layer].map((part) => part.descriptor.digest) },
    }),
  );
  for (const third of [
    { name: "3/layer.tar", type: "symlink", linkname: "../one/layer.tar" },
    { name: "3/layer.tar", type: "symlink", linkname: "nowhere.tar" },
    { name: "3/layer.tar", type: "link", linkname: "one/layer.tar" },
    { name: "one/layer.tar", content: "a layer, not compressed" },
  ] as const) {
    const Layers = ["one/layer.tar", "two/layer.tar", third.name];
    const files: TarFile[] = [
      { name: "config.json", content: await bytesOf(twice) },
      ...legacy().filter(({ name }) => name.endsWith("layer.tar")),
      third,
      { name: "manifest.json", content: JSON.stringify([{ Config: "config.json", RepoTags: null, Layers }]) },
    ];
    const source = await openDockerArchive(await tarOf(t, files));
    const parsed = parseManifest(source.root.bytes, source.root.descriptor.mediaType);
    assert.ok(parsed.kind === "image");
    const digests = parsed.layers.map(({ digest }) => digest);
    assert.deepEqual(
      digests,
      [layer, second, layer].map(({ descriptor }) => descriptor.digest),
    );
    assert.equal((await gathered(source.blob(layer.descriptor).open(0))).toString(), "a layer, not compressed");
  }
});

test("I1: paths and links never lead out of the archive", async (t) => {
  for (const linkname of ["/etc/passwd", "../../../../etc/passwd", "../one/layer.tar"]) {
    const layers: TarFile[] = [
      { name: "one/layer.tar", type: "symlink", linkname },
      { name: "two/layer.tar", content: "another layer" },
    ];
    await refusal(openDockerArchive(await tarOf(t, legacy({}, layers))), "IMAGE_MALFORMED", /does not hold/);
  }
  for (const path of ["/etc/passwd", "../../etc/passwd", "one/../../../etc/passwd"]) {
    await refusal(openDockerArchive(await tarOf(t, legacy({ Layers: [path, "two/layer.tar"] }))), "IMAGE_MALFORMED");
    await refusal(openDockerArchive(await tarOf(t, legacy({ Config: path }))), "IMAGE_MALFORMED");
  }
});

test("I5: layers that are not the configuration's, in number, order or bytes, are refused", async (t) => {
  await refusal(
    openDockerArchive(await tarOf(t, legacy({ Layers: ["one/layer.tar"] }))),
    "IMAGE_MALFORMED",
    /1 layers/,
  );
  await refusal(
    openDockerArchive(await tarOf(t, legacy({ Layers: ["two/layer.tar", "one/layer.tar"] }))),
    "IMAGE_MALFORMED",
  );
  const other = legacy().map((file) =>
    file.name.endsWith(".json") && file.name !== "manifest.json"
      ? { ...file, content: configText.replace("amd64", "arm64") }
      : file,
  );
  await refusal(openDockerArchive(await tarOf(t, other)), "IMAGE_MALFORMED", /other contents than its name/);
});

test("requires a name when there are several images, and finds it in any spelling", async (t) => {
  const one = { Config: `${configHex}.json`, RepoTags: ["app:1"], Layers: ["one/layer.tar", "two/layer.tar"] };
  const files = legacy();
  files[files.length - 1] = {
    name: "manifest.json",
    content: JSON.stringify([one, { ...one, RepoTags: ["other:2"] }]),
  };
  const path = await tarOf(t, files);
  const asked = await refusal(openDockerArchive(path), "USAGE", /several/);
  assert.equal(asked.hint, "Name one of app:1, other:2.");
  assert.ok(await openDockerArchive(path, "docker.io/library/other:2"));
  await refusal(openDockerArchive(path, "third"), "USAGE", /no image/);
});

test("I1: anything but an archive, or a broken one, is refused", async (t) => {
  const directory = temporaryDirectory(t);
  const path = join(directory, "file");
  await refusal(openDockerArchive(path), "FILE_UNREADABLE");
  for (const content of ["", "hello", "x".repeat(2_000), Buffer.alloc(2_000)]) {
    await writeFile(path, content);
    await refusal(openDockerArchive(path), "IMAGE_MALFORMED");
  }
  const good = await readFile(await tarOf(t, legacy()));
  await writeFile(path, good.subarray(0, 700));
  await refusal(openDockerArchive(path), "IMAGE_MALFORMED", /cut off/);
  for (const manifest of ["{", "{}", "[1]", '[{"Config":1,"Layers":[]}]', '[{"Config":"x","Layers":"y"}]', "[]"]) {
    const files = legacy();
    files[files.length - 1] = { name: "manifest.json", content: manifest };
    const refused = await openDockerArchive(await tarOf(t, files)).then(
      () => undefined,
      (error: unknown) => error,
    );
    assert.ok(refused instanceof TagsealError && ["IMAGE_MALFORMED", "USAGE"].includes(refused.code), manifest);
  }
});

test("fuzz: I1: any archive opens as one whose layers are the configuration's, or is refused", async (t) => {
  const path = join(temporaryDirectory(t), "fuzz.tar");
  const good = await readFile(await tarOf(t, legacy()));
  await fc.assert(
    fc.asyncProperty(hostileBytes(good), async (bytes) => {
      await writeFile(path, bytes);
      try {
        const source = await openDockerArchive(path);
        await source.close();
      } catch (error) {
        assert.ok(error instanceof TagsealError, String(error));
      }
    }),
    { numRuns: fuzzRuns },
  );
});
