/** The flags of docker compose, of 2 and 5: those of compose itself, and those of the commands that content trust covers. */
import { flagTable, type FlagTable } from "./flag-table.ts";

/** The commands of compose that content trust covers. */
export const composeWords = ["build", "create", "pull", "run", "up"] as const;

/** One of {@link composeWords}. */
export type ComposeWord = (typeof composeWords)[number];

/** Flags that stand between `compose` and its command. */
export const composeGlobalFlags: FlagTable = flagTable({
  switches: "all-resources compatibility dry-run help no-ansi v:version verbose",
  values: `ansi env-file f:file insecure-registry parallel profile progress project-directory p:project-name workdir`,
});

/** The flags that compose takes after each of its words. */
const everywhere = "dry-run help";

/** By command. A flag that is not here is refused, not looked up: it could name another source of images. */
export const composeFlags: Readonly<Record<ComposeWord, FlagTable>> = {
  build: flagTable({
    switches: `${everywhere} check compress force-rm no-cache no-rm parallel print pull push q:quiet with-dependencies`,
    values: "build-arg builder m:memory progress provenance sbom ssh",
  }),
  create: flagTable({
    switches: `${everywhere} build force-recreate no-build no-recreate quiet-pull remove-orphans y:yes y`,
    values: "pull scale",
  }),
  pull: flagTable({
    switches: `${everywhere} ignore-buildable ignore-pull-failures include-deps no-parallel parallel q:quiet`,
    values: "policy",
  }),
  run: flagTable({
    switches: `${everywhere} build d:detach i:interactive no-deps T:no-tty no-TTY q:quiet quiet-build quiet-pull remove-orphans rm
      P:service-ports t:tty use-aliases`,
    values: `cap-add cap-drop entrypoint e:env env-from-file l:label labels name p:publish pull u:user v:volume volumes w:workdir`,
  }),
  up: flagTable({
    switches: `${everywhere} abort-on-container-exit abort-on-container-failure always-recreate-deps attach-dependencies build
      d:detach force-recreate menu no-build no-color no-deps no-log-prefix no-recreate no-start quiet-build quiet-pull
      remove-orphans V:renew-anon-volumes timestamps wait w:watch y:yes y`,
    values: "attach exit-code-from no-attach pull scale t:timeout wait-timeout",
  }),
};

/** The command of compose, where content trust covers it. */
export function findComposeWord(text: string | undefined): ComposeWord | undefined {
  return composeWords.find((word) => word === text);
}
