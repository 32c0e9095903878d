/** docker's commands, of 20.10 to 29, and those of its plugins that Tagseal knows: buildx and compose. */
import { type CommandGroup, commandGroup, type CommandWords } from "./command-table.ts";
import { composeGlobalFlags, composeWords } from "./compose-flags.ts";
import { buildxFlags, dockerGlobalFlags } from "./docker-flags.ts";
import { flagTable } from "./flag-table.ts";
import { harmfulUses, refusals } from "./refusals.ts";

/** Commands for shell completion and help that docker, compose and podman all have. */
const asking = "__complete __completeNoDesc completion help";

const buildx: CommandGroup = commandGroup({
  flags: buildxFlags,
  harmless: `${asking} du install ls prune rm stop uninstall use version`,
  covered: { build: "build b" },
  refused: [
    ["bake f", refusals.bake],
    ["debug-shell", refusals.build],
    ["dial-stdio", refusals.api],
  ],
  unless: [["create inspect", harmfulUses.builder]],
  groups: {
    dap: commandGroup({
      flags: buildxFlags,
      refused: [["attach b build", refusals.build]],
    }),
    // without a command it starts a debugger, which builds, too
    debug: commandGroup({
      flags: buildxFlags,
      alone: { kind: "refused", refusal: refusals.build },
      refused: [["b build", refusals.build]],
    }),
    history: commandGroup({ flags: buildxFlags, harmless: "export import inspect logs ls open rm trace" }),
    imagetools: commandGroup({ flags: buildxFlags, harmless: "create inspect" }),
    policy: commandGroup({ flags: buildxFlags, harmless: "test", refused: [["eval", refusals.policy]] }),
  },
});

/** The flags that compose takes after each of its words. */
const dryRun = flagTable({ switches: "dry-run help" });

/** compose's commands, as docker's plugin or behind `podman compose`, where none of them is covered. */
export function composeCommands(kind: "covered" | "refused"): CommandGroup {
  const covered = composeWords.join(" ");
  const words: CommandWords =
    kind === "covered"
      ? {
          covered: { compose: covered },
          refused: [
            ["scale", refusals.composeScale],
            ["watch", refusals.composeWatch],
            ["publish push", refusals.composePush],
          ],
        }
      : {
          refused: [
            [`${covered} scale watch`, refusals.compose],
            ["publish push", refusals.composePush],
          ],
        };
  return commandGroup({
    flags: composeGlobalFlags,
    flagsMove: false,
    harmless: `${asking} attach commit config convert cp down events exec export generate images kill logs ls pause port ps restart
      rm start stats stop top unpause version viz volumes wait`,
    ...words,
    groups: { alpha: composeAlpha, bridge: composeBridge },
  });
}

const composeAlpha: CommandGroup = commandGroup({
  flags: dryRun,
  harmless: "generate viz",
  refused: [
    ["dry-run scale watch", refusals.compose],
    ["publish", refusals.composePush],
  ],
});

const composeBridge: CommandGroup = commandGroup({
  flags: dryRun,
  refused: [["convert", refusals.transformation]],
  groups: {
    transformations: commandGroup({
      flags: dryRun,
      harmless: "list ls",
      refused: [["create", refusals.transformation]],
    }),
  },
});

const images = "history inspect load prune rm save tag";
const containers = `attach commit cp diff exec export inspect kill logs pause port prune rename restart rm start stats stop top
  unpause update wait`;

/** docker's own. */
export const dockerCommands: CommandGroup = commandGroup({
  flags: dockerGlobalFlags,
  harmless: `${asking} attach commit cp diff events exec export history images info init inspect kill load login logout logs pause
    port ps rename restart rm rmi save search start stats stop tag top unpause update version wait`,
  covered: { push: "push", pull: "pull", build: "build", create: "create", run: "run" },
  refused: [["bake", refusals.bake]],
  unless: [["import", harmfulUses.importUrl]],
  groups: {
    // docker passes these to buildx where that is installed
    builder: buildx,
    buildx,
    checkpoint: commandGroup({ harmless: "create list ls remove rm" }),
    compose: composeCommands("covered"),
    config: commandGroup({ harmless: "create inspect list ls remove rm" }),
    container: commandGroup({
      harmless: `${containers} list ls ps remove`,
      covered: { create: "create", run: "run" },
    }),
    context: commandGroup({ harmless: "create export import inspect list ls remove rm show update use" }),
    image: commandGroup({
      harmless: `${images} list ls remove rmi`,
      covered: { push: "push", pull: "pull", build: "build" },
      unless: [["import", harmfulUses.importUrl]],
    }),
    manifest: commandGroup({ harmless: "annotate create inspect push rm" }),
    network: commandGroup({ harmless: "connect create disconnect inspect list ls prune remove rm" }),
    node: commandGroup({ harmless: "demote inspect list ls promote ps remove rm update" }),
    plugin: commandGroup({
      harmless: "create disable enable inspect list ls remove rm set",
      refused: [["install push upgrade", refusals.enginePlugin]],
    }),
    secret: commandGroup({ harmless: "create inspect list ls remove rm" }),
    service: commandGroup({
      harmless: "inspect list logs ls ps remove rm rollback scale",
      refused: [["create update", refusals.swarm]],
    }),
    stack: commandGroup({
      flags: flagTable({ switches: "help", values: "orchestrator kubeconfig" }),
      harmless: "config down list ls ps remove rm services",
      refused: [["deploy up", refusals.stack]],
    }),
    swarm: commandGroup({ harmless: "ca init join join-token leave unlock unlock-key update" }),
    system: commandGroup({
      harmless: "df events info inspect prune",
      refused: [["dial-stdio", refusals.api]],
    }),
    volume: commandGroup({ harmless: "create inspect list ls prune remove rm update" }),
  },
});
