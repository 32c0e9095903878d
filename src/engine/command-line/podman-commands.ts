/** podman's commands, of 4.3 to 5, and buildah's, which builds for podman. */
import { type CommandGroup, commandGroup, type CommandWords } from "./command-table.ts";
import { composeCommands } from "./docker-commands.ts";
import { flagTable } from "./flag-table.ts";
import { podmanGlobalFlags } from "./podman-flags.ts";
import { harmfulUses, refusals } from "./refusals.ts";

/** podman takes its global flags everywhere before the last command, and after it. */
const group = (words: CommandWords): CommandGroup => commandGroup({ flags: podmanGlobalFlags, ...words });

const asking = "__complete __completeNoDesc completion help";

const connections = "add create default inspect list ls mv remove rename rm use";

const builds = group({ harmless: "inspect prune version", covered: { build: "build" } });

/** podman's own. */
export const podmanCommands: CommandGroup = group({
  harmless: `${asking} attach commit cp diff events exec export history images info init inspect kill login logout logs mount
    pause port ps rename restart rm rmi save search start stats stop tag top umount unmount unpause unshare untag update version
    wait`,
  covered: { push: "push", pull: "pull", build: "build", create: "create", run: "run" },
  refused: [["auto-update", refusals.autoUpdate]],
  unless: [
    ["import", harmfulUses.importUrl],
    ["load", harmfulUses.loadUrl],
  ],
  groups: {
    artifact: group({
      harmless: "add extract inspect list ls push remove rm",
      refused: [["pull", refusals.artifact]],
    }),
    builder: builds,
    buildx: builds,
    compose: composeCommands("refused"),
    container: group({
      harmless: `attach checkpoint cleanup commit cp diff exec exists export init inspect kill list logs ls mount pause port prune
        ps rename restart rm start stats stop top umount unmount unpause update wait`,
      covered: { create: "create", run: "run" },
      refused: [
        ["clone", refusals.clone],
        ["restore", refusals.restore],
        ["runlabel", refusals.runlabel],
      ],
    }),
    context: group({ harmless: connections }),
    farm: group({
      harmless: "create list ls remove rm update",
      refused: [["build", refusals.build]],
    }),
    generate: group({ harmless: "kube spec systemd" }),
    healthcheck: group({ harmless: "run" }),
    image: group({
      harmless: `diff exists history inspect list ls mount prune rm save search sign tag tree umount unmount untag`,
      covered: { push: "push", pull: "pull", build: "build" },
      refused: [["scp", refusals.scp]],
      unless: [
        ["import", harmfulUses.importUrl],
        ["load", harmfulUses.loadUrl],
      ],
      groups: { trust: group({ harmless: "set show" }) },
    }),
    kube: group({
      harmless: "down generate",
      refused: [["apply play", refusals.kube]],
    }),
    machine: group({
      harmless: "client9p cp info inspect list ls reset rm server9p set ssh start stop",
      refused: [["init", refusals.machine]],
      groups: { os: group({ refused: [["apply upgrade", refusals.machine]] }) },
    }),
    manifest: group({
      harmless: "add annotate create exists inspect remove rm",
      covered: { push: "push" },
    }),
    network: group({
      harmless: "connect create disconnect exists inspect list ls prune reload remove rm update",
    }),
    play: group({ refused: [["kube", refusals.kube]] }),
    pod: group({
      harmless: "clone exists inspect kill list logs ls pause prune ps restart rm start stats stop top unpause",
      unless: [["create", harmfulUses.infraImage]],
    }),
    quadlet: group({
      harmless: "cat list ls print remove rm",
      refused: [["install", refusals.quadlet]],
    }),
    secret: group({ harmless: "create exists inspect list ls remove rm" }),
    system: group({
      harmless: "check df events info locks migrate prune renumber reset",
      refused: [["dial-stdio service", refusals.api]],
      groups: { connection: group({ harmless: connections }) },
    }),
    volume: group({
      harmless: "exists export import inspect list ls mount prune reload remove rm unmount",
      unless: [["create", harmfulUses.imageVolume]],
    }),
  },
});

/** buildah's own. None is covered: podman has the same builder and the same storage. */
export const buildahCommands: CommandGroup = commandGroup({
  flags: flagTable({
    switches: "debug help v:version",
    values: `cgroup-manager cpu-profile default-mounts-file log-level memory-profile registries-conf registries-conf-dir root runroot
      short-name-alias-conf storage-driver storage-opt userns-gid-map userns-uid-map`,
  }),
  harmless: `${asking} config containers delete dumpbolt images info inspect list login logout ls mount prune ps rename rm rmi
    tag umount unmount unshare version`,
  refused: [
    ["bud build build-using-dockerfile", refusals.buildahBuild],
    ["from mkcw pull", refusals.buildahFetch],
    ["push", refusals.buildahPush],
    ["rpc", refusals.api],
  ],
  unless: [
    ["add copy", harmfulUses.buildahFrom],
    ["commit", harmfulUses.buildahSbom],
    ["run", harmfulUses.buildahMount],
  ],
  groups: {
    manifest: commandGroup({
      harmless: "add annotate create exists inspect remove rm",
      refused: [["push", refusals.buildahPush]],
    }),
    source: commandGroup({ harmless: "add create push", refused: [["pull", refusals.buildahFetch]] }),
  },
});
