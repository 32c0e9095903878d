/** The gates of the table, each asked as its real users ask it. */
import assert from "node:assert/strict";
import { request } from "node:http";
import { text } from "node:stream/consumers";
import { captured } from "../../src/cli/captured-io.ts";
import { type Digest, digestFromHex } from "../../src/reference/digest.ts";
import { parseImageReference, withDefaultTag } from "../../src/reference/image-reference.ts";
import { mediaTypes } from "../../src/registry/manifest.ts";
import { RegistryClient } from "../../src/registry/registry-client.ts";
import type { CliSandbox } from "../cli/cli-sandbox.ts";
import { startGatewayCommand, startServing } from "../support/gateway-command.ts";

/** What a gate says about an image. */
export type Said =
  | { readonly outcome: "allowed"; readonly digest: string | undefined }
  | { readonly outcome: "refused"; readonly code: string };

/** Who asks, and when. */
export interface Asker {
  readonly env: Readonly<Record<string, string>>;
  readonly now: () => Date;
}

/** A gate that is ready to be asked. */
export interface OpenGate {
  ask(image: string): Promise<Said>;
  close(): Promise<void>;
}

/** One kind of gate. */
export interface GateKind {
  readonly name: string;
  /** true when it puts the signed digest in the place of a tag; others refuse where the registry's tag was moved */
  readonly repairs: boolean;
  /** why a name cannot be said to it; undefined when it can */
  cannotBeAsked(image: string): string | undefined;
  open(stage: CliSandbox, asker: Asker): Promise<OpenGate>;
}

/** `tagseal policy check`. */
const commandLine: GateKind = {
  name: "command line",
  repairs: true,
  cannotBeAsked: () => undefined,
  async open(stage, asker) {
    return {
      async ask(image) {
        const { stdout, stderr } = await stage.run(["policy", "check", "--json", image], asker);
        if (stdout === "") return { outcome: "refused", code: codeIn(stderr) };
        const said = JSON.parse(stdout) as { outcome: string; digest?: string | null; error?: { code: string } };
        return said.outcome === "allowed"
          ? { outcome: "allowed", digest: said.digest ?? undefined }
          : { outcome: "refused", code: said.error?.code ?? "" };
      },
      close: async () => undefined,
    };
  },
};

/** `tagseal gateway`, asked over HTTP; a policy that it cannot start with refuses everything. */
const gateway: GateKind = {
  name: "gateway",
  repairs: true,
  cannotBeAsked: (image) => (isTagAndDigest(image) ? "a registry is asked for a tag or for a digest" : undefined),
  async open(stage, asker) {
    const { url, stderr, stop } = await startGatewayCommand(stage.sandbox.registryHost, asker);
    return {
      async ask(image) {
        if (url === undefined) return { outcome: "refused", code: codeIn(stderr()) };
        const [name = "", tag = ""] = image.includes("@") ? image.split("@") : splitTag(image);
        const path = `/v2/${name.replace(/^([^/:]+):(\d+)/u, "$1_$2")}/manifests/${tag}`;
        const response = await fetch(url + path);
        if (response.ok)
          return { outcome: "allowed", digest: response.headers.get("docker-content-digest") ?? undefined };
        const { errors } = (await response.json()) as { errors: [{ code: string; detail?: { reason: string } }] };
        assert.ok([403, 503].includes(response.status), `${response.status} ${JSON.stringify(errors)}`);
        return { outcome: "refused", code: errors[0].detail?.reason ?? errors[0].code };
      },
      close: stop,
    };
  },
};

/** A rule of the source policy that BuildKit gets. */
interface SourceRule {
  readonly action: string;
  readonly selector: { readonly identifier: string };
}

/** `tagseal policy buildkit`: the digest that its rules allow last. */
const buildkit: GateKind = {
  name: "BuildKit's source policy",
  repairs: true,
  cannotBeAsked: () => undefined,
  async open(stage, asker) {
    return {
      async ask(image) {
        const { code, stdout, stderr } = await stage.run(["policy", "buildkit", image], asker);
        if (code !== 0) return { outcome: "refused", code: codeIn(stderr) };
        const { rules } = JSON.parse(stdout) as { rules: readonly SourceRule[] };
        return { outcome: "allowed", digest: rules.at(-1)?.selector.identifier.split("@")[1] };
      },
      close: async () => undefined,
    };
  },
};

/** `tagseal policy containers`: the digest that podman and CRI-O accept; names of rules that ask nothing are accepted as they are. */
const containers: GateKind = {
  name: "policy.json of podman",
  repairs: true,
  cannotBeAsked: () => undefined,
  async open(stage, asker) {
    return {
      async ask(image) {
        const { code, stdout, stderr } = await stage.run(["policy", "containers", image], asker);
        if (code !== 0) return { outcome: "refused", code: codeIn(stderr) };
        const { transports } = JSON.parse(stdout) as { transports: { docker: Record<string, unknown> } };
        const scope = Object.keys(transports.docker).find((name) => name.includes("@"));
        return { outcome: "allowed", digest: scope?.split("@")[1] };
      },
      close: async () => undefined,
    };
  },
};

/** `tagseal gate containerd`, called as containerd calls it: with what the registry has for the name. */
const verifier: GateKind = {
  name: "containerd verifier",
  repairs: false,
  cannotBeAsked: () => undefined,
  async open(stage, { env, now }) {
    return {
      async ask(image) {
        const digest = await registryDigest(image);
        const descriptor = JSON.stringify({ mediaType: mediaTypes.ociManifest, digest, size: 1 });
        const prompter = { ...captured({ env, now }).io.prompter, readAll: async () => descriptor };
        const type = "application/vnd.oci.descriptor.v1+json";
        const words = ["gate", "containerd", "-name", image, "-digest", digest, "-stdin-media-type", type];
        const { code, stdout } = await stage.run(words, { env, now, prompter });
        return code === 0 ? { outcome: "allowed", digest } : { outcome: "refused", code: codeIn(stdout) };
      },
      close: async () => undefined,
    };
  },
};

/** `tagseal gate docker`, asked about a pull as docker's daemon asks. */
const plugin: GateKind = {
  name: "authorization plugin",
  repairs: false,
  cannotBeAsked: (image) => (isTagAndDigest(image) ? "docker pulls by the digest and forgets the tag" : undefined),
  async open(stage, asker) {
    const socket = stage.path(`${stage.fresh("gate")}.sock`);
    const env = { ...asker.env, DOCKER_HOST: "unix:///nonexistent/docker.sock" };
    const line = ["gate", "docker", "--socket", socket, "--refresh", "1s"];
    const { url, stderr, stop } = await startServing(line, { ...asker, env });
    return {
      async ask(image) {
        if (url === undefined) return { outcome: "refused", code: codeIn(stderr()) };
        const { Allow, Msg } = await authorisation(socket, pullOf(image));
        return Allow ? { outcome: "allowed", digest: undefined } : { outcome: "refused", code: codeIn(Msg ?? "") };
      },
      close: stop,
    };
  },
};

/** Every gate. */
export const gateKinds: readonly GateKind[] = [commandLine, gateway, buildkit, containers, verifier, plugin];

/** The request of `docker pull`. */
function pullOf(image: string): string {
  const [name = "", tag = ""] = image.includes("@") ? image.split("@") : splitTag(image);
  return `/v1.41/images/create?fromImage=${encodeURIComponent(name)}&tag=${encodeURIComponent(tag)}`;
}

async function authorisation(socketPath: string, uri: string): Promise<{ Allow: boolean; Msg?: string }> {
  const asked = JSON.stringify({ RequestMethod: "POST", RequestURI: uri, RequestHeaders: { "Content-Length": "0" } });
  const answered = Promise.withResolvers<string>();
  const sent = request({ socketPath, path: "/AuthZPlugin.AuthZReq", method: "POST" }, (response) => {
    text(response).then(answered.resolve, answered.reject);
  });
  sent.once("error", answered.reject);
  sent.end(asked);
  return JSON.parse(await answered.promise) as { Allow: boolean; Msg?: string };
}

/** What the registry has for a name, as an engine finds out; of a tag that it does not have, any digest. */
async function registryDigest(image: string): Promise<Digest> {
  const reference = withDefaultTag(parseImageReference(image));
  if (reference.digest !== undefined) return reference.digest;
  const client = RegistryClient.forReference(reference);
  try {
    return (await client.findManifest(reference.tag ?? "")) ?? digestFromHex("sha256", "0".repeat(64));
  } finally {
    client.close();
  }
}

function isTagAndDigest(image: string): boolean {
  return /:[^/@]+@/u.test(image.slice(image.indexOf("/")));
}

function splitTag(image: string): [string, string] {
  const colon = image.lastIndexOf(":");
  return [image.slice(0, colon), image.slice(colon + 1)];
}

function codeIn(stderr: string): string {
  return /\[([A-Z_]+)\]/u.exec(stderr)?.[1] ?? stderr;
}
