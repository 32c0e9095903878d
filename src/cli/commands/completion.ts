import { UsageError } from "../../errors.ts";
import { defineCommand } from "../command.ts";
import { completionScript, shells } from "../completion/completion-script.ts";

/** `tagseal completion SHELL`: the script that lets a shell complete commands and flags. */
export const command = defineCommand(
  {
    path: "completion",
    usage: shells.join("|"),
    summary: "Print the completion script for a shell",
    description: [
      "The script contains every command and flag, so completion never starts Tagseal. IDs of private keys are the names of their files in the trust directory. The package has ready-made copies in completions/.",
    ],
    options: {},
    args: { min: 1, max: 1 },
    complete: shells,
    examples: [
      { text: "complete in this bash session", line: "source <(tagseal completion bash)" },
      { text: "complete in every zsh session", line: 'tagseal completion zsh > "${fpath[1]}/_tagseal"' },
      {
        text: "complete in every fish session",
        line: "tagseal completion fish > ~/.config/fish/completions/tagseal.fish",
      },
    ],
  },
  async ({ args: [name = ""] }, io) => {
    const shell = shells.find((known) => known === name);
    if (shell === undefined) {
      throw new UsageError("USAGE", `no completion for "${name}"`, { hint: `Name one of ${shells.join(", ")}.` });
    }
    io.stdout.write(await completionScript(shell));
    return 0;
  },
);
