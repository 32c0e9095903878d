import { defineCommand } from "../command.ts";
import { renderGroupHelp } from "../help/help-text.ts";
import { resolveEntry } from "../table.ts";
import { UnknownCommandError } from "../help/usage-error.ts";

/** `tagseal help [COMMAND…]`: the same text as `tagseal COMMAND --help`. */
export const command = defineCommand(
  {
    path: "help",
    usage: "[COMMAND...]",
    summary: "Show help for a command",
    options: {},
    args: { min: 0 },
    complete: "commands",
    examples: [{ text: "show how to add a signer", line: "tagseal help trust signer add" }],
  },
  async ({ args }, io) => {
    const { entry, path, rest } = resolveEntry(args);
    const [unknown] = rest;
    if (unknown !== undefined) {
      const known = (entry.children ?? []).map(({ name }) => name);
      throw new UnknownCommandError(path, unknown, known, io.program.shownAs);
    }
    if (entry.load !== undefined) return await (await entry.load()).run(["--help"], io);
    io.stdout.write(renderGroupHelp(path, entry));
    return 0;
  },
);
