import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { loadSync, type MethodDefinition, type PackageDefinition } from "@grpc/proto-loader";
import { temporaryDirectory } from "../../../../test/support/temporary-directory.ts";
import { methods } from "./methods.ts";

/** The fields and numbers that Notary v1's signer service and gRPC's health check have. */
const definition = `syntax = "proto3";
package proto;
service KeyManagement {
  rpc CreateKey(CreateKeyRequest) returns (PublicKey);
  rpc DeleteKey(KeyID) returns (Void);
  rpc GetKeyInfo(KeyID) returns (GetKeyInfoResponse);
}
service Signer { rpc Sign(SignatureRequest) returns (Signature); }
service Health { rpc Check(HealthCheckRequest) returns (HealthCheckResponse); }
message CreateKeyRequest { string algorithm = 1; string gun = 2; string role = 3; }
message KeyID { string ID = 1; }
message Algorithm { string algorithm = 1; }
message KeyInfo { KeyID keyID = 1; Algorithm algorithm = 2; }
message PublicKey { KeyInfo keyInfo = 1; bytes publicKey = 2; }
message GetKeyInfoResponse { KeyInfo keyInfo = 1; bytes publicKey = 2; string role = 3; }
message SignatureRequest { KeyID keyID = 1; bytes content = 2; }
message Signature { KeyInfo keyInfo = 1; Algorithm algorithm = 2; bytes content = 3; }
message Void {}
message HealthCheckRequest { string service = 1; }
message HealthCheckResponse { enum Status { UNKNOWN = 0; SERVING = 1; NOT_SERVING = 2; } Status status = 1; }
`;

const { createKey, getKeyInfo, deleteKey, sign, findKey, checkHealth } = methods;
const directory = temporaryDirectory();

/** The messages of one call, written and read by an independent implementation. */
function oracle(service: string, call: string): MethodDefinition<object, object> {
  writeFileSync(join(directory, "signer.proto"), definition);
  const loaded: PackageDefinition = loadSync(join(directory, "signer.proto"), { keepCase: true });
  const found = loaded[`proto.${service}`];
  assert.ok(found && !("format" in found));
  const method = found[call];
  assert.ok(method);
  return method;
}

const keyId = "6f8b33af43a89dff43e80ec83c0e6585dd3b099e9442f2b31c52b177cc09d84a";
const publicKey = Buffer.from("3059301306072a8648ce3d0201", "hex");
const keyInfo = { keyID: { ID: keyId }, algorithm: { algorithm: "ecdsa" } };
const content = Buffer.alloc(300, 0xff);

describe("messages between server and signer", () => {
  it("ask for a key as other implementations do", () => {
    const { requestSerialize, requestDeserialize } = oracle("KeyManagement", "CreateKey");
    const request = { algorithm: "ecdsa", gun: "docker.io/café/app", role: "timestamp" };
    assert.deepEqual(createKey.request.encode(request), requestSerialize(request));
    assert.deepEqual(createKey.request.decode(requestSerialize(request)), request);
    assert.deepEqual({ ...requestDeserialize(createKey.request.encode(request)) }, request);
  });

  it("ask what a key is for, in a form that only our signer knows", () => {
    const inquiry = { algorithm: "ecdsa", gun: "docker.io/café/app", role: "timestamp", keyId };
    assert.deepEqual(findKey.request.decode(findKey.request.encode(inquiry)), inquiry);
  });

  it("describe keys as other implementations do, with and without a role", () => {
    const described = { keyId, algorithm: "ecdsa", publicKey: new Uint8Array(publicKey), role: "timestamp" };
    const withRole = oracle("KeyManagement", "GetKeyInfo").responseSerialize({ keyInfo, publicKey, role: "timestamp" });
    assert.deepEqual(getKeyInfo.reply.encode(described), withRole);
    const read = getKeyInfo.reply.decode(withRole);
    assert.deepEqual({ ...read, publicKey: new Uint8Array(read.publicKey) }, described);
    const without = oracle("KeyManagement", "CreateKey").responseSerialize({ keyInfo, publicKey });
    assert.deepEqual(createKey.reply.encode({ ...described, role: "" }), without);
    assert.equal(createKey.reply.decode(without).role, "");
  });

  it("name keys, and nothing, as other implementations do", () => {
    const { requestSerialize, responseSerialize } = oracle("KeyManagement", "DeleteKey");
    assert.deepEqual(deleteKey.request.encode(keyId), requestSerialize({ ID: keyId }));
    assert.equal(deleteKey.request.decode(requestSerialize({ ID: keyId })), keyId);
    assert.deepEqual(deleteKey.reply.encode(undefined), responseSerialize({}));
  });

  it("sign as other implementations do", () => {
    const { requestSerialize, responseSerialize } = oracle("Signer", "Sign");
    const request = requestSerialize({ keyID: { ID: keyId }, content });
    assert.deepEqual(sign.request.encode({ keyId, content }), request);
    assert.deepEqual(sign.request.decode(request), { keyId, content });
    const reply = responseSerialize({ keyInfo, algorithm: { algorithm: "eddsa" }, content });
    const signature = { keyId, algorithm: "ecdsa", method: "eddsa", content };
    assert.deepEqual(sign.reply.encode(signature), reply);
    assert.deepEqual(sign.reply.decode(reply), signature);
  });

  it("report their health as other implementations do", () => {
    const { requestSerialize, responseSerialize, responseDeserialize } = oracle("Health", "Check");
    const service = "grpc.health.v1.Health.Signer";
    assert.deepEqual(checkHealth.request.encode(service), requestSerialize({ service }));
    for (const status of [0, 1, 2]) {
      assert.equal({ status: 0, ...responseDeserialize(checkHealth.reply.encode(status)) }.status, status);
      assert.equal(checkHealth.reply.decode(responseSerialize({ status })), status);
    }
  });

  it("go to the paths that other implementations serve", () => {
    const paths = [
      oracle("KeyManagement", "CreateKey"),
      oracle("KeyManagement", "GetKeyInfo"),
      oracle("KeyManagement", "DeleteKey"),
      oracle("Signer", "Sign"),
    ].map(({ path }) => path);
    assert.deepEqual(
      [createKey, getKeyInfo, deleteKey, sign].map(({ path }) => path),
      paths,
    );
  });
});
