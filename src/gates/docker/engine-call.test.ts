import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { UsageError } from "../../errors.ts";
import { kindOfCall } from "./call-kind.ts";
import { parseEngineCall } from "./engine-call.ts";
import { containerImages, pulledImage, serviceImages } from "./named-images.ts";

function call(method: string, uri: string, more: { body?: string; headers?: Record<string, string> } = {}) {
  const { body, headers = {} } = more;
  const RequestBody = body === undefined ? {} : { RequestBody: Buffer.from(body).toString("base64") };
  return parseEngineCall({ RequestMethod: method, RequestUri: uri, RequestHeaders: headers, ...RequestBody });
}

const kind = (method: string, uri: string): string => kindOfCall(call(method, uri));

function refused(work: () => unknown, message: RegExp): void {
  assert.throws(work, (error: unknown) => error instanceof UsageError && message.test(error.message), String(message));
}

describe("requests to docker's engine", () => {
  it("are read as the engine's router reads them", () => {
    assert.equal(kind("POST", "/v1.41/containers/create?name=x"), "create");
    assert.equal(kind("POST", "/containers/create"), "create");
    assert.equal(kind("POST", "/v1.41/containers%2Fcreate"), "create");
    assert.equal(kind("POST", "/v1.41/%63ontainers/create"), "create");
    assert.equal(kind("POST", "/v1.99.0/images/create?fromImage=x"), "pull");
    assert.equal(kind("POST", "/v1.41/services/web/update?version=3"), "service");
    assert.equal(kind("POST", "/v1.41/plugins/vieux%2Fsshfs/upgrade?remote=x"), "plugin");
    for (const path of ["/build", "/session", "/grpc"]) assert.equal(kind("POST", path), "build");
  });

  it("pass when they bring in nothing", () => {
    for (const [method, uri] of [
      ["GET", "/v1.41/containers/json"],
      ["HEAD", "/_ping"],
      ["DELETE", "/v1.41/images/redis:7"],
      ["POST", "/v1.41/containers/web/start"],
      ["POST", "/v1.41/exec/abc/start"],
      ["POST", "/v1.41/images/localhost:5000/team/app/push?tag=v1"],
      ["POST", "/v1.41/networks/create"],
      ["PUT", "/v1.41/containers/web/archive?path=/"],
    ] as const)
      assert.equal(kind(method, uri), "harmless", uri);
  });

  it("I9: are unknown in any other spelling", () => {
    for (const [method, uri] of [
      ["POST", "/v1.41/Containers/create"],
      ["post", "/v1.41/containers/create"],
      ["POST", "/v1.41/containers/create/"],
      ["POST", "/v1.41/v1.41/containers/create"],
      ["POST", "/vx/containers/create"],
      ["PATCH", "/v1.41/containers/web"],
      ["POST", "/v1.60/images/import-from-somewhere"],
      ["PUT", "/v1.41/images/redis"],
    ] as const)
      assert.equal(kind(method, uri), "unknown", `${method} ${uri}`);
  });

  it("I9: are refused when they can be read in two ways", () => {
    for (const uri of [
      "//v1.41/containers/create",
      "/v1.41//containers/create",
      "/v1.41/images/../containers/create",
      "/v1.41/containers/%2e%2e/create",
      "/v1.41/containers%252Fcreate",
      "/v1.41/containers/create%00",
      "/v1.41/containers/%ff",
      "http://docker/v1.41/containers/create",
      "/v1.41/containers/create#x",
      "/v1.41/images/create?fromImage=a&fromImage=b",
      "/v1.41/images/create?fromImage=a;fromImage=b",
      "/v1.41/images/create?fromImage=a%zz",
      "/v1.41/images/create?fromImage=a?tag=b",
    ])
      refused(() => call("POST", uri), /is not understood/u);
    const form = { "Content-Type": "application/x-www-form-urlencoded" };
    refused(() => call("POST", "/images/create?fromImage=a", { headers: form }), /it sends a form/u);
    const parts = { "content-type": "multipart/form-data; boundary=x" };
    refused(() => call("POST", "/images/create?fromImage=a", { headers: parts }), /it sends a form/u);
    refused(() => call("POST", "/containers/create", { body: "{" }), /its body is not JSON/u);
    refused(() => call("POST", "/containers/create", { body: '{"Image":"a"}{"Image":"b"}' }), /its body is not JSON/u);
  });
});

describe("the images that requests name", () => {
  const images = (body: string) => containerImages(call("POST", "/containers/create", { body }).body);

  it("are that of a container and those it mounts, as Go finds them", () => {
    assert.deepEqual(images('{"Image":"a:1"}'), ["a:1"]);
    assert.deepEqual(images('{"image":"a:1"}'), ["a:1"]);
    assert.deepEqual(images('{"Image":"a:1","Image":"b:1"}'), ["b:1"]);
    const mount = '{"Mounts":[{"Type":"bind","Source":"/"},{"type":"image","source":"b:1"}]}';
    assert.deepEqual(images(`{"Image":"a:1","HostConfig":${mount}}`), ["a:1", "b:1"]);
    assert.deepEqual(images(`{"Image":"a:1",${mount.slice(1)}`), ["a:1", "b:1"]);
  });

  it("I9: are not found in a body that is missing or ambiguous", () => {
    refused(() => containerImages(undefined), /did not show the content/u);
    refused(() => images("{}"), /has no image/u);
    refused(() => images('{"Image":""}'), /has no image/u);
    refused(() => images('{"Image":"a:1","image":"b:1"}'), /more than once/u);
    refused(() => images('{"Image":"a","HostConfig":{},"hostconfig":{}}'), /more than once/u);
    refused(() => images('{"Image":"a","HostConfig":{"Mounts":{}}}'), /not understood/u);
  });

  it("are those of a service's tasks, and no plugin", () => {
    const service = (task: unknown) =>
      serviceImages(call("POST", "/services/create", { body: JSON.stringify({ TaskTemplate: task }) }).body);
    assert.deepEqual(service({ ContainerSpec: { Image: "a:1" } }), ["a:1"]);
    refused(() => service({ PluginSpec: { Remote: "x" }, ContainerSpec: { Image: "a" } }), /plugin of docker/u);
    refused(() => service({}), /has no image/u);
    refused(() => serviceImages(undefined), /did not show the content/u);
  });

  it("are that of a pull, whose tag may be a digest", () => {
    const digest = `sha256:${"1".repeat(64)}`;
    const pulled = (query: string) => {
      const found = pulledImage(call("POST", `/images/create?${query}`).query);
      return found === undefined ? undefined : [found.repository, found.tag, found.digest];
    };
    assert.deepEqual(pulled("fromImage=quay.io/a/b&tag=v1"), ["a/b", "v1", undefined]);
    assert.deepEqual(pulled("fromImage=quay.io/a/b:v2&tag=v1"), ["a/b", "v1", undefined]);
    assert.deepEqual(pulled("fromImage=quay.io%2Fa%2Fb%3Av2"), ["a/b", "v2", undefined]);
    assert.deepEqual(pulled("fromImage=quay.io/a/b:"), ["a/b", undefined, undefined]);
    assert.deepEqual(pulled(`fromImage=quay.io/a/b&tag=${digest}`), ["a/b", undefined, digest]);
    assert.equal(pulled("fromSrc=-&repo=a"), undefined);
  });
});
