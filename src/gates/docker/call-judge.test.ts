import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MetadataError, TagsealError } from "../../errors.ts";
import type { Verdict } from "../../policy/verdict.ts";
import { parseDigest } from "../../reference/digest.ts";
import { familiarReference, type ImageReference } from "../../reference/image-reference.ts";
import type { Exemption } from "./call-kind.ts";
import { CallJudge, type EngineView } from "./call-judge.ts";
import { parseEngineCall } from "./engine-call.ts";
import type { LocalImage } from "./local-content.ts";

const signed = parseDigest(`sha256:${"1".repeat(64)}`);
const other = parseDigest(`sha256:${"2".repeat(64)}`);
const signedId = `sha256:${"a".repeat(64)}`;
const otherId = `sha256:${"b".repeat(64)}`;
const containerId = "c".repeat(64);

/** A policy under which `q.io/app:v1` is signed for one digest and `q.io/skipped` is not asked about. */
async function decide(reference: ImageReference): Promise<Verdict> {
  const { repository, tag, digest } = reference;
  const said = { rule: undefined, source: undefined, reason: "", signers: [], warnings: [] };
  if (repository === "skipped") return { ...said, outcome: "allowed", digest: undefined };
  const isSigned = repository === "app" && (tag ?? "v1") === "v1" && (digest ?? signed) === signed;
  if (isSigned) return { ...said, outcome: "allowed", digest: signed };
  return {
    ...said,
    outcome: "refused",
    error: new MetadataError("TAG_NOT_SIGNED", `${familiarReference(reference)} is not signed`),
  };
}

function gate(local: Record<string, LocalImage>, how: { registry?: typeof signed; exempt?: Exemption[] } = {}) {
  const removed: string[] = [];
  const made = { imageId: signedId };
  const engine: EngineView = {
    image: async (name) =>
      local[name] ?? Object.values(local).find(({ id }) => id === name || id.startsWith(`sha256:${name}`)),
    imageOfContainer: async () => made.imageId,
    removeContainer: async (id) => void removed.push(id),
  };
  const { registry = signed, exempt = [] } = how;
  const judge = new CallJudge({ decide, engine, registryDigest: async () => registry, exempt: new Set(exempt) });
  const call = (uri: string, body?: unknown) =>
    parseEngineCall({
      RequestMethod: "POST",
      RequestUri: uri,
      ...(body === undefined ? {} : { RequestBody: Buffer.from(JSON.stringify(body)).toString("base64") }),
    });
  const asks = async (uri: string, body?: unknown): Promise<string> => await outcome(judge.judge(call(uri, body)));
  const makes = async (name: string, imageId: string): Promise<string> => {
    made.imageId = imageId;
    return await outcome(judge.judgeAnswer(call("/containers/create", { Image: name }), 201, { Id: containerId }));
  };
  return { asks, makes, removed };
}

async function outcome(work: Promise<void>): Promise<string> {
  try {
    await work;
    return "allowed";
  } catch (error) {
    assert.ok(error instanceof TagsealError, String(error));
    return error.code;
  }
}

const image = { id: signedId, digests: [`q.io/app@${signed}`] };
const evil = { id: otherId, digests: [`q.io/evil@${other}`] };
const built = { id: otherId, digests: [] };

describe("the judge of requests to docker's engine", () => {
  it("I5: allows a pull only while the registry has what is signed", async () => {
    const { asks } = gate({});
    assert.equal(await asks("/images/create?fromImage=q.io/app&tag=v1"), "allowed");
    assert.equal(await asks(`/images/create?fromImage=q.io/app&tag=${signed}`), "allowed");
    assert.equal(await asks("/images/create?fromImage=q.io/app&tag=v2"), "TAG_NOT_SIGNED");
    assert.equal(await asks("/images/create?fromImage=q.io/app"), "COMMAND_NOT_COVERED");
    assert.equal(await asks("/images/create?fromImage=q.io/skipped&tag=v9"), "allowed");
    const moved = gate({}, { registry: other });
    assert.equal(await moved.asks("/images/create?fromImage=q.io/app&tag=v1"), "TAG_DIGEST_MISMATCH");
  });

  it("I5: makes containers of signed content only, whatever local images are called", async () => {
    const { asks } = gate({ "q.io/app:v1": image, "q.io/evil:v1": evil });
    const create = async (name: string, more = {}) => await asks("/v1.41/containers/create", { Image: name, ...more });
    assert.equal(await create("q.io/app:v1"), "allowed");
    assert.equal(await create("q.io/evil:v1"), "TAG_NOT_SIGNED");
    assert.equal(await create("a".repeat(12)), "allowed");
    assert.equal(await create(otherId), "TAG_NOT_SIGNED");
    const mount = { HostConfig: { Mounts: [{ Type: "image", Source: "q.io/evil:v1" }] } };
    assert.equal(await create("q.io/app:v1", mount), "TAG_NOT_SIGNED");
    const renamed = gate({ "q.io/app:v1": evil });
    assert.equal(await renamed.asks("/containers/create", { Image: "q.io/app:v1" }), "TAG_DIGEST_MISMATCH");
    assert.equal(
      await gate({ "q.io/app:v1": built }).asks("/containers/create", { Image: "bbbb" }),
      "COMMAND_NOT_COVERED",
    );
  });

  it("lets the engine say that it has no image, so that its client pulls it", async () => {
    assert.equal(await gate({}).asks("/containers/create", { Image: "q.io/app:v1" }), "allowed");
    assert.equal(await gate({}).asks("/containers/create", { Image: "q.io/evil:v1" }), "TAG_NOT_SIGNED");
  });

  it("I5: removes a container whose image got the name after the request", async () => {
    const { makes, removed } = gate({ "q.io/app:v1": image, evil });
    assert.equal(await makes("q.io/app:v1", signedId), "allowed");
    assert.deepEqual(removed, []);
    assert.equal(await makes("q.io/app:v1", otherId), "TAG_DIGEST_MISMATCH");
    assert.deepEqual(removed, [containerId]);
  });

  it("I5: allows services and plugins only with the signed digest in their names", async () => {
    const { asks } = gate({});
    const service = async (name: string) =>
      await asks("/services/create", { TaskTemplate: { ContainerSpec: { Image: name } } });
    assert.equal(await service(`q.io/app:v1@${signed}`), "allowed");
    assert.equal(await service("q.io/app:v1"), "TAG_DIGEST_MISMATCH");
    assert.equal(await service(`q.io/app:v1@${other}`), "TAG_NOT_SIGNED");
    const update = { TaskTemplate: { ContainerSpec: { Image: `q.io/app:v1@${signed}` } } };
    assert.equal(await asks("/services/web/update?version=1", update), "allowed");
    assert.equal(await asks("/services/web/update?version=1&rollback=previous", update), "COMMAND_NOT_COVERED");
    assert.equal(await asks(`/plugins/pull?remote=q.io/app:v1@${signed}`, []), "allowed");
    assert.equal(await asks(`/plugins/pull?remote=q.io/app:v1@${signed}`), "COMMAND_NOT_COVERED");
    assert.equal(await asks("/plugins/pull?remote=q.io/app:v1", []), "TAG_DIGEST_MISMATCH");
    assert.equal(await asks("/plugins/pull", []), "REFERENCE_INVALID");
  });

  it("I9: refuses what it cannot decide about, unless an administrator allows it", async () => {
    const { asks } = gate({});
    const uris = [
      "/build",
      "/session",
      "/grpc",
      "/images/load",
      "/images/create?fromSrc=-",
      "/plugins/create",
      "/swarm/join",
      "/nosuch",
    ];
    for (const uri of uris) assert.equal(await asks(uri), "COMMAND_NOT_COVERED", uri);
    assert.equal(await asks("/containers/create"), "USAGE");
    const open = gate({}, { exempt: ["build", "load", "swarm-join"] });
    for (const uri of uris.slice(0, -1)) assert.equal(await open.asks(uri), "allowed", uri);
    assert.equal(await open.asks("/nosuch"), "COMMAND_NOT_COVERED");
  });
});
