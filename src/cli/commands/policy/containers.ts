import { UsageError } from "../../../errors.ts";
import {
  type OtherTransport,
  otherTransports,
  podmanPolicy,
  type WrittenContainersPolicy,
} from "../../../policy/export/podman-policy.ts";
import { scopeFault } from "../../../policy/scope.ts";
import { defineCommand } from "../../command.ts";
import { type DecidedName, decideNames } from "../../open/decided-names.ts";
import { loadPolicies } from "../../open/policies.ts";
import { policyOutOptions } from "../../options/policy-out-flags.ts";
import { freshReaderHelp, maxStalenessOption } from "../../options/trust-flags.ts";
import { deliverForeignPolicy, imageReport } from "../../output/foreign-policy-report.ts";

const options = {
  allow: {
    kind: "list",
    value: "transport",
    help: "Accept images from this place as well: dir, docker-archive, docker-daemon, oci or oci-archive; may be repeated",
  },
  gateway: { kind: "list", value: "host", help: "Accept images named by this gateway, which decides; may be repeated" },
  "max-staleness": maxStalenessOption,
  ...policyOutOptions,
} as const;

/** `tagseal policy containers`: the policy of podman, skopeo, buildah and CRI-O. */
export const command = defineCommand(
  {
    path: "policy containers",
    usage: "[OPTIONS] [IMAGE[:TAG][@DIGEST]...]",
    summary: "Write a policy for podman and CRI-O",
    description: [
      "Prints policy.json for podman, skopeo, buildah and CRI-O, as far as it can say what the policies here say. These programs do not read Tagseal's signatures: names that must be signed are rejected, and those of rules with the mode skip or audit are accepted.",
      "Each IMAGE is decided as by every other command, and its signed digest is accepted: podman pull IMAGE@sha256:… works, podman pull IMAGE:TAG does not. One image that is refused makes the command fail, and nothing is written. With --gateway, images named by the host of a gateway are accepted, because it serves only what is signed.",
    ],
    options,
    args: { min: 0, max: Number.POSITIVE_INFINITY },
    examples: [
      {
        text: "let podman use a gateway and nothing else",
        line: "tagseal policy containers --gateway gateway.example.com --out policy.json",
      },
      {
        text: "accept what is signed for a tag now, by its digest",
        line: "tagseal policy containers registry.example.com/team/app:1.0 --out policy.json",
      },
    ],
    ...freshReaderHelp,
  },
  async ({ options: given, args }, io) => {
    const transports = given.allow.map(transport);
    const gateways = given.gateway.map(gatewayHost);
    const images = await decideNames(io, args, { maxStaleness: given["max-staleness"] });
    const accepted = { images: images.flatMap(withDigest), gateways, transports };
    const { policy, rejected } = podmanPolicy(await loadPolicies(io), accepted);
    const report = { images: images.map(imageReport), rejected };
    await deliverForeignPolicy(io, { policy, report, said: wordsOf(rejected, accepted.images.length) }, given);
    return 0;
  },
);

function transport(text: string): OtherTransport {
  const found = otherTransports.find((name) => name === text);
  if (found !== undefined) return found;
  throw new UsageError("USAGE", `--allow does not know ${text}`, { hint: `Use one of ${otherTransports.join(", ")}.` });
}

function gatewayHost(text: string): string {
  const fault = text.includes("/") || text.includes("*") ? "it is not a host alone" : scopeFault(text);
  if (fault === undefined) return text;
  throw new UsageError("USAGE", `--gateway ${text} is not a host: ${fault}`, {
    hint: "Name host and port, such as gateway.example.com:5000.",
  });
}

function withDigest({ reference, digest }: DecidedName) {
  return digest === undefined ? [] : [{ reference, digest }];
}

function wordsOf(rejected: WrittenContainersPolicy["rejected"], count: number): string {
  const digests = `${count} ${count === 1 ? "image" : "images"} accepted by digest`;
  const refused = `${rejected.length} ${rejected.length === 1 ? "rule asks" : "rules ask"} for what podman cannot check`;
  return rejected.length === 0
    ? digests
    : `${digests}; ${refused}, so their names are rejected: ${rejected.join(", ")}`;
}
