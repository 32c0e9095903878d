import { UsageError } from "../../../errors.ts";
import type { InspectionReading } from "../../../trust/reading/inspect.ts";
import { defineCommand } from "../../command.ts";
import { exitCodeFor } from "../../exit-code.ts";
import { AlreadyReported } from "../../command-failure.ts";
import type { Io } from "../../io.ts";
import { imageArgument } from "../../options/image.ts";
import { withTrust } from "../../open/trust.ts";
import { readerEnvironment } from "../../options/trust-flags.ts";
import { jsonPieces, writePieces } from "../../output/streamed-output.ts";
import { dockerInspectJson, prettyInspection, selectTag } from "../../output/inspection.ts";
import { reportFailure } from "../../output/error-report.ts";
import { tellTrustEvents } from "../../output/trust-events.ts";

/** `docker trust inspect`: tags, signers and keys of one or several images. */
export const command = defineCommand(
  {
    path: "trust inspect",
    usage: "IMAGE[:TAG] [IMAGE[:TAG]...]",
    summary: "Return low-level information about keys and signatures",
    description: [
      "Prints one JSON array with an object for each image: its released tags with their digests and signers, all signers with their key IDs, and the root and repository keys. With a tag, it lists only that tag. If an image cannot be inspected, the others are still printed, the reason goes to standard error, and the exit status is 1.",
    ],
    options: {
      pretty: { kind: "switch", help: "Print the information in a human friendly format" },
      json: { kind: "switch", help: "Print JSON (the default)" },
    },
    args: { min: 1 },
    examples: [
      {
        text: "show tags, signers and keys in readable form",
        line: "tagseal trust inspect --pretty registry.example.com/team/app",
      },
      {
        text: "get the key IDs of a signer",
        line: "tagseal trust inspect registry.example.com/team/app | jq -r '.[0].Signers[].Keys[].ID'",
      },
    ],
    environment: readerEnvironment,
    dockerExitCodes: true,
  },
  async ({ options, args }, io) => {
    if (options.pretty && options.json) {
      throw new UsageError("USAGE", "--pretty and --json cannot be combined", {
        hint: "Give --pretty for people, or neither: JSON is the default.",
      });
    }
    if (options.pretty) await inspectPretty(args, io);
    else await inspectJson(args, io);
    return 0;
  },
);

/** Several images are two blank lines apart; the first failure ends the command, as in docker. */
async function inspectPretty(names: readonly string[], io: Io): Promise<void> {
  for (const [index, name] of names.entries()) {
    const inspection = await inspect(name, io);
    if (index > 0) io.stdout.write("\n\n");
    writePieces(io, prettyInspection(name, inspection));
  }
}

/** Prints every image found, then every failure: one bad name does not hide the others. */
async function inspectJson(names: readonly string[], io: Io): Promise<void> {
  let found = 0;
  const failures: unknown[] = [];
  for (const name of names) {
    try {
      const inspected = dockerInspectJson(name, await inspect(name, io));
      writePieces(io, elementPieces(inspected, found));
      found += 1;
    } catch (error) {
      if (io.signal.aborted) throw error;
      failures.push(error);
    }
  }
  io.stdout.write(found === 0 ? "[]\n" : "\n]\n");
  for (const failure of failures) reportFailure(failure, io);
  if (failures.length > 0) throw new AlreadyReported(exitCodeFor(failures[0]));
}

/** One element of the array, which is written before the next image is read. */
function* elementPieces(value: unknown, position: number): Generator<string, void> {
  yield position === 0 ? "[\n    " : ",\n    ";
  yield* jsonPieces(value, 4, "    ");
}

async function inspect(name: string, io: Io): Promise<InspectionReading> {
  const { reference, gun } = imageArgument(name);
  const { readInspection } = await import("../../../trust/reading/inspect.ts");
  const { cannotInspect } = await import("../../output/docker-errors.ts");
  try {
    const settings = { access: "read", notify: tellTrustEvents(io, { quiet: true }) } as const;
    const inspection = await withTrust(io, reference, settings, (context) => readInspection(context));
    return selectTag(inspection, reference);
  } catch (error) {
    throw cannotInspect(error, name, gun);
  }
}
