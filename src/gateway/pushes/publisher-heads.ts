/**
 * Whether something is there, for publishers: clients ask it before they push. A blob or digest that the policy refuses to a reader is answered with
 * the registry's own answer to a client that may push there, without content. A tag is not there before it is signed: its answer would have a digest,
 * by which an engine could go on.
 */
import { NetworkError } from "../../errors.ts";
import { isDigest } from "../../reference/digest.ts";
import { isManifestType } from "../../registry/manifest.ts";
import type { PushRelay } from "../../registry/push-relay.ts";
import { header } from "../../registry/registry-response.ts";
import type { Answer } from "../answer.ts";
import { GatewayRefusal, refusalOfFailure } from "../gateway-refusal.ts";
import type { PassedRepository } from "../proved-logins.ts";
import type { ShownLogin } from "../passed-logins.ts";
import type { Upstreams } from "../upstreams.ts";
import type { PushRights } from "./push-rights.ts";

/** What is asked for. */
export interface AskedHead {
  readonly kind: "manifests" | "blobs";
  /** a tag or digest */
  readonly wanted: string;
}

/** Who asks, and who is asked. */
export interface HeadParts {
  readonly rights: PushRights;
  readonly upstreams: Upstreams;
  readonly shown: ShownLogin;
}

/** Answers a HEAD as a reader may have it, or else as a publisher may. @throws what `read` throws, for anybody who may not push */
export async function headAnswer(
  { rights, upstreams, shown }: HeadParts,
  name: PassedRepository,
  asked: AskedHead,
  read: () => Promise<Answer>,
): Promise<Answer> {
  const ofRegistry = async (): Promise<Answer> =>
    await upstreams.use(name, async ({ relay }) => await stated(relay, asked));
  // of a publisher's blob no verdict is made: none of it is given
  if (asked.kind === "blobs" && rights.isProved(name)) return await ofRegistry();
  try {
    return await read();
  } catch (error) {
    if (!mayBeForPublishers(error) || !(await mayPush(rights, name, shown))) throw error;
    if (asked.kind === "blobs" || isDigest(asked.wanted)) return await ofRegistry();
    throw new GatewayRefusal(404, "MANIFEST_UNKNOWN", "nothing is signed that this tag could be");
  }
}

/** A registry that fails to say it says less than the refusal of a reader does. */
async function mayPush(rights: PushRights, name: PassedRepository, shown: ShownLogin): Promise<boolean> {
  try {
    return await rights.has(name, shown);
  } catch (error) {
    if (error instanceof NetworkError || error instanceof GatewayRefusal) return false;
    throw error;
  }
}

function mayBeForPublishers(error: unknown): boolean {
  const { status, reason } = refusalOfFailure(error);
  return status === 403 || status === 503 || (status === 401 && reason === "LOGIN_INVALID");
}

async function stated(relay: PushRelay, { kind, wanted }: AskedHead): Promise<Answer> {
  const answer = await relay.head(kind, wanted);
  answer.discard();
  if (answer.status !== 200) {
    const code = kind === "blobs" ? "BLOB_UNKNOWN" : "MANIFEST_UNKNOWN";
    if (answer.status === 404) throw new GatewayRefusal(404, code, "the registry does not have it");
    throw await relay.refusal(answer, `a HEAD of ${wanted}`);
  }
  const digest = header(answer, "docker-content-digest") ?? wanted;
  const length = header(answer, "content-length") ?? "";
  const type = kind === "blobs" ? "application/octet-stream" : (header(answer, "content-type") ?? "");
  if (!isDigest(digest) || !/^\d{1,15}$/u.test(length) || (kind === "manifests" && !isManifestType(type)))
    throw new GatewayRefusal(502, "UNAVAILABLE", "the registry does not say what it has");
  const headers = { "docker-content-digest": digest, etag: `"${digest}"` };
  return { status: 200, headers: { ...headers, "content-type": type, "content-length": length } };
}
