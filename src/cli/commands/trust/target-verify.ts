import { MetadataError, UsageError } from "../../../errors.ts";
import { lookUpTarget, type SignedTarget, verifyContent } from "../../../trust/reading/signed-targets.ts";
import { defineCommand } from "../../command.ts";
import type { Io } from "../../io.ts";
import { maxContentBytes, readContent, writeContent } from "../../open/target-content.ts";
import { readSignedFiles } from "../../open/trust-reading.ts";
import { jsonOption } from "../../options/output-flags.ts";
import { gunHelp } from "../../options/target-arguments.ts";
import { freshReaderHelp, maxStalenessOption } from "../../options/trust-flags.ts";
import { targetJson } from "../../output/target-json.ts";
import { writeJson } from "../../output/write-json.ts";

/** `notary verify`: passes on content that is what a target was signed for. */
export const command = defineCommand(
  {
    path: "trust target verify",
    usage: "[OPTIONS] GUN NAME",
    summary: "Check a file against its signed digest and pass it on",
    description: [
      "Reads the content from standard input or --input, compares its size and every signed hash, and only then writes it to standard output or --output. Otherwise nothing is written and the exit status is 3: `curl … | tagseal trust target verify GUN NAME > FILE` never keeps wrong content. It reads no more than the signed size, and at most 1 GiB.",
      "A file that --output names is replaced as a whole, and only you may read it.",
      gunHelp,
    ],
    options: {
      input: { kind: "text", short: "i", value: "file", complete: "file", help: "Read this file, not standard input" },
      output: { kind: "text", short: "o", value: "file", complete: "file", help: "Write to this file" },
      quiet: { kind: "switch", short: "q", help: "Write nothing to standard output" },
      json: { ...jsonOption, help: "Print the result as JSON, and not the content" },
      "max-staleness": maxStalenessOption,
    },
    args: { min: 2, max: 2 },
    examples: [
      {
        text: "keep a download only if it is the signed file",
        line: "curl -fsS https://example.com/hello.txt | tagseal trust target verify --output hello.txt example.com/files hello.txt",
      },
      {
        text: "check a file that is here",
        line: "tagseal trust target verify -q --input hello.txt example.com/files hello.txt",
      },
    ],
    ...freshReaderHelp,
  },
  async ({ options, args: [typed = "", name = ""] }, io) => {
    const reading = { quiet: options.quiet || options.json, maxStaleness: options["max-staleness"] };
    const { gun, found } = await readSignedFiles(io, typed, reading, (context) => lookUpTarget(context, name));
    const content = await verifiedContent(found, options.input, io);
    if (options.output !== undefined) await writeContent(options.output, content);
    const { role, target, cached } = found;
    if (options.json) writeJson(io, { gun, name, role, ...targetJson(target), cached });
    else if (options.output === undefined && !options.quiet) io.stdout.write(content);
    return 0;
  },
);

async function verifiedContent(found: SignedTarget, input: string | undefined, { signal }: Io): Promise<Uint8Array> {
  const { name, target } = found;
  if (target.length > maxContentBytes) {
    throw new UsageError("TOO_LARGE", `${name} has ${target.length} bytes, and at most ${maxContentBytes} are read`, {
      hint: "Compare the digest that `tagseal trust target lookup` prints with that of sha256sum.",
    });
  }
  const tooLarge = (): Error =>
    new MetadataError(
      "METADATA_LENGTH_MISMATCH",
      `the content for ${JSON.stringify(name)} has more than the signed ${target.length} bytes`,
    );
  const content = await readContent(input, { maxBytes: target.length, tooLarge, signal });
  verifyContent(found, content);
  return content;
}
