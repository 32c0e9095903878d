import { UsageError } from "../../errors.ts";
import { defineCommand } from "../command.ts";
import { completionScript, shells } from "../completion.ts";

/** `tagseal completion SHELL`: the script that lets a shell complete commands and flags. */
export const command = defineCommand(
  {
    path: "completion",
    usage: shells.join("|"),
    summary: "Print the completion script for a shell",
    description: [
      "The script holds every command and flag, so that completing never starts Tagseal. Ready-made copies are in completions/ of the package.",
    ],
    options: {},
    args: { min: 1, max: 1 },
    complete: shells,
    examples: [
      { text: "bash, for this session", line: "source <(tagseal completion bash)" },
      { text: "zsh, for good", line: 'tagseal completion zsh > "${fpath[1]}/_tagseal"' },
      { text: "fish, for good", line: "tagseal completion fish > ~/.config/fish/completions/tagseal.fish" },
    ],
  },
  async ({ args: [name = ""] }, io) => {
    const shell = shells.find((known) => known === name);
    if (shell === undefined) {
      throw new UsageError("USAGE", `no completion for "${name}"`, { hint: `the shells are ${shells.join(", ")}` });
    }
    io.stdout.write(await completionScript(shell));
    return 0;
  },
);
