/**
 * What help and completion say about docker-shaped commands that have no other form. The work itself is done in front of the engine,
 * where docker's own flags are understood.
 */
import type { Command, CommandDescription, Example } from "../../command.ts";
import type { Options } from "../../options/option.ts";
import { readerEnvironment } from "../../options/trust.ts";

/** Variables that decide about every docker-shaped command. */
export const engineEnvironment: readonly (readonly [string, string])[] = [
  ["DOCKER_CONTENT_TRUST", "1 turns content trust on for docker-shaped commands"],
  ["TAGSEAL_ENGINE", "docker, podman, or the path of the one to use"],
  ...readerEnvironment,
];

/** The flag of every docker-shaped command. */
export const trustFlag = {
  kind: "switch",
  help: "Skip content trust for this command; with =false, insist on it",
} as const;

function engineCommand(
  path: string,
  about: { usage: string; summary: string; description: string; options?: Options; examples: readonly Example[] },
): Command {
  const description: CommandDescription = {
    path,
    usage: about.usage,
    summary: about.summary,
    description: [
      about.description,
      `With content trust off this is the engine's own ${path}, unchanged. All of the engine's flags may be used; they follow at the end where an engine is installed.`,
    ],
    options: { "disable-content-trust": trustFlag, ...about.options },
    args: { min: 0 },
    examples: about.examples,
    environment: engineEnvironment,
    dockerExitCodes: true,
  };
  return {
    description,
    async run(_argv, io) {
      const { renderHelp } = await import("../../help.ts");
      const { engineFlags } = await import("./engine-flags.ts");
      const flags = await engineFlags(path, io);
      io.stdout.write(renderHelp(description, io.stdout.columns, io.program.shownAs) + flags);
      return 0;
    },
  };
}

/** `tagseal build` */
export const build = engineCommand("build", {
  usage: "[OPTIONS] PATH | URL | -",
  summary: "Build an image from signed base images",
  description:
    "Under content trust every image that enters the build is resolved to its signed digest before the engine sees it: FROM in every stage, COPY --from, RUN --mount=from and # syntax= lines. An image that is not signed stops the build before it starts.",
  options: {
    "allow-local": { kind: "switch", help: "Allow base images that exist only on this machine" },
  },
  examples: [
    { text: "a build that takes signed images only", line: "DOCKER_CONTENT_TRUST=1 tagseal build -t app:1.0 ." },
  ],
});

/** `tagseal create` */
export const create = engineCommand("create", {
  usage: "[OPTIONS] IMAGE [COMMAND] [ARG...]",
  summary: "Create a container from a signed image",
  description:
    "Under content trust the tag is resolved to the digest it is signed for, that digest is pulled if it is not here, and the container is made from it.",
  examples: [
    {
      text: "trust for this command only",
      line: "tagseal create --disable-content-trust=false registry.example.com/team/app:1.0",
    },
  ],
});

/** `tagseal run` */
export const run = engineCommand("run", {
  usage: "[OPTIONS] IMAGE [COMMAND] [ARG...]",
  summary: "Run a container from a signed image",
  description:
    "Under content trust the tag is resolved to the digest it is signed for, that digest is pulled if it is not here, and the container runs it.",
  examples: [
    {
      text: "run what is signed, or nothing",
      line: "DOCKER_CONTENT_TRUST=1 tagseal run --rm registry.example.com/team/app:1.0 date",
    },
  ],
});
