import { NetworkError } from "../../../errors.ts";
import { imageOfVerifierCall, maxDescriptorBytes, usualBinDir } from "../../../gates/containerd-request.ts";
import { allowedDigest } from "../../../trust/reading/decide-image.ts";
import { type Command, defineCommand, type Invocation } from "../../command.ts";
import type { Io } from "../../io.ts";
import { decideHere } from "../../open/decide.ts";
import { parseDuration } from "../../options/duration.ts";
import type { Options } from "../../options/option.ts";
import { memoryVariable, readerEnvironment } from "../../options/trust-flags.ts";
import { type FailureReport, reportOf } from "../../output/error-report.ts";
import { printable } from "../../output/printable.ts";
import { tellTrustEvents } from "../../output/trust-events.ts";

/** containerd's own limit is ten seconds, after which it shows no reason. */
const usualTimeout = "8s";
/** containerd reads 32 KiB; a reason is for one line of a log. */
const maxReasonLength = 2048;

const options = {
  name: { kind: "text", value: "image", help: "The image that is pulled; containerd writes -name" },
  digest: { kind: "text", value: "digest", help: "The digest that the registry has for it; containerd writes -digest" },
  "stdin-media-type": { kind: "text", value: "type", help: "What is on standard input: a descriptor as JSON" },
  timeout: {
    kind: "text",
    value: "duration",
    default: usualTimeout,
    help: "Refuse when there is no answer after this",
  },
  install: { kind: "switch", help: "Put a script that starts this command into the directory of verifiers" },
  uninstall: { kind: "switch", help: "Remove that script" },
  "bin-dir": {
    kind: "text",
    value: "dir",
    default: usualBinDir,
    complete: "directory",
    help: "The directory of verifiers: bin_dir in containerd's configuration",
  },
} as const satisfies Options;

const described = defineCommand(
  {
    path: "gate containerd",
    usage: "-name IMAGE -digest DIGEST -stdin-media-type TYPE | --install | --uninstall",
    summary: "Decide for containerd which images it may pull",
    description: [
      "Image verifier for containerd 2.0 and later. containerd calls it for each pull, after it has asked the registry what a tag means now, and pulls only if the exit status is 0. The tag must be signed for exactly that digest; a name with a digest is decided by the policy. The reason goes to standard output, which containerd shows to its user.",
      "A verifier can only refuse: a tag that was moved in the registry cannot be pulled until it is signed or moved back.",
      "--install writes a script that starts this command into the directory that containerd's configuration names as bin_dir. The docker configuration directory, the trust server, the policy and the pinning file of the installing command also hold for containerd. Another file in its place is never replaced. Run --install again after you moved Tagseal.",
    ],
    options,
    args: { min: 0, max: 0 },
    examples: [
      { text: "let containerd pull only signed images", line: "sudo tagseal gate containerd --install" },
      {
        text: "see what containerd would be answered",
        line: `echo '{"digest":"sha256:…"}' | tagseal gate containerd --name registry.example.com/team/app:1.0 --digest sha256:… --stdin-media-type application/vnd.oci.descriptor.v1+json`,
      },
    ],
    environment: readerEnvironment,
    exitCodes: [[125, "a flag was not understood"]],
  },
  async (invocation, io) => {
    const { install, uninstall, "bin-dir": binDir = usualBinDir } = invocation.options;
    if (install) return await installHere(binDir, io);
    if (uninstall) return await uninstallHere(binDir, io);
    io.stdout.write(`${await allowedReason(invocation, io)}\n`);
    return 0;
  },
);

/** `tagseal gate containerd`: answers containerd, which calls it as an image verifier. */
export const command: Command = {
  description: described.description,
  async run(argv, io) {
    const isCall = argv.some((word) => /^--?name(?:=|$)/u.test(word));
    try {
      return await described.run(argv.map(longFlag), io);
    } catch (error) {
      if (!isCall) throw error;
      io.stdout.write(`${reasonOf(reportOf(error))}\n`);
      return 1;
    }
  },
};

/** Go's programs take `-name` for `--name`. */
function longFlag(word: string): string {
  return /^-(?:name|digest|stdin-media-type)(?:=|$)/u.test(word) ? `-${word}` : word;
}

/** Why the image may be pulled. @throws TagsealError why not */
async function allowedReason({ options: given }: Invocation<typeof options>, io: Io): Promise<string> {
  const timeoutMs = parseDuration(given.timeout ?? usualTimeout, "--timeout");
  const late = new AbortController();
  const expired = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    expired.reject(tooLate(timeoutMs));
    late.abort();
  }, timeoutMs);
  try {
    const work = decided(given, { ...io, signal: AbortSignal.any([io.signal, late.signal]) });
    return await Promise.race([work, expired.promise]);
  } finally {
    clearTimeout(timer);
  }
}

async function decided(given: Invocation<typeof options>["options"], io: Io): Promise<string> {
  const { named, resolved } = imageOfVerifierCall({
    name: given.name,
    digest: given.digest,
    mediaType: given["stdin-media-type"],
    input: await io.prompter.readAll(maxDescriptorBytes),
  });
  // what is not remembered could be rolled back at the next pull
  const remembering = { ...io, env: { [memoryVariable]: "1", ...io.env } };
  const notify = tellTrustEvents(io, { quiet: true });
  const settings = { access: "read", notify } as const;
  const { verdict: byName } = await decideHere(remembering, named, settings);
  const digest = allowedDigest(byName);
  const isOther = digest !== undefined && digest !== resolved.digest;
  const verdict = isOther ? (await decideHere(remembering, resolved, settings)).verdict : byName;
  allowedDigest(verdict);
  return reasonOf({ message: [verdict.reason, ...verdict.warnings].join("; ") });
}

function tooLate(timeoutMs: number): NetworkError {
  return new NetworkError("NETWORK_TIMEOUT", `no answer within ${timeoutMs / 1000} s`, {
    hint: "Check that this machine reaches the trust server.",
  });
}

/** One line, whatever a server wrote into it. */
function reasonOf({ message, hint, code }: Pick<FailureReport, "message"> & Partial<FailureReport>): string {
  const parts = [
    message,
    ...(hint === undefined ? [] : [`hint: ${hint}`]),
    ...(code === undefined ? [] : [`[${code}]`]),
  ];
  const line = printable(parts.join(" ").replaceAll(/\s+/gu, " "));
  return line.length > maxReasonLength ? `${line.slice(0, maxReasonLength)}…` : line;
}

async function installHere(binDir: string, io: Io): Promise<0> {
  const { installVerifierScript, verifierScriptPath } = await import("../../gate/verifier-script.ts");
  const isNew = await installVerifierScript(binDir, io);
  const path = verifierScriptPath(binDir);
  io.stdout.write(isNew ? `Installed ${path}\n` : `Already installed: ${path}\n`);
  io.stderr.write("hint: Check that bin_dir in the configuration of containerd is this directory.\n");
  return 0;
}

async function uninstallHere(binDir: string, io: Io): Promise<0> {
  const { removeVerifierScript, verifierScriptPath } = await import("../../gate/verifier-script.ts");
  const path = verifierScriptPath(binDir);
  io.stdout.write(removeVerifierScript(binDir) ? `Removed ${path}\n` : `Not installed: ${path}\n`);
  return 0;
}
