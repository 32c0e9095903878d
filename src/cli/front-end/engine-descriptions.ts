/**
 * Help and completion of the docker-shaped commands that have no other form. The front end does their work, because it understands docker's
 * own flags.
 */
import type { Command } from "../command.ts";
import type { CommandDescription, Example } from "../command-description.ts";
import type { Options } from "../options/option.ts";
import { readerEnvironment } from "../options/trust-flags.ts";

/** Variables that every docker-shaped command reads. */
export const engineEnvironment: readonly (readonly [string, string])[] = [
  ["DOCKER_CONTENT_TRUST", "1 turns content trust on for docker-shaped commands"],
  ["TAGSEAL_ENGINE", "the container engine: docker, podman, or a path to one"],
  ...readerEnvironment,
];

/** The flag of every docker-shaped command. */
export const trustFlag = {
  kind: "switch",
  help: "Skip content trust for this command; =false turns it on",
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
      `With content trust off, this is the engine's own ${path}, unchanged. All flags of the engine work; when an engine is installed, they are listed at the end.`,
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
      const { renderHelp } = await import("../help/help-text.ts");
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
    "Under content trust, every image in the build is resolved to its signed digest before the engine sees it: FROM in every stage, COPY --from, RUN --mount=from and # syntax= lines. An unsigned image stops the build before it starts.",
  options: {
    "allow-local": { kind: "switch", help: "Allow base images that exist only on this machine" },
  },
  examples: [{ text: "build from signed images only", line: "DOCKER_CONTENT_TRUST=1 tagseal build -t app:1.0 ." }],
});

/** `tagseal compose` */
export const compose = engineCommand("compose", {
  usage: "[OPTIONS] COMMAND",
  summary: "Run the services of a project from signed images",
  description:
    "Under content trust, build, create, pull, run and up use only services whose images are signed, or built from signed images: docker's compose gets the project with the digest of every image. An unsigned image stops the command before anything is fetched, and the message names its service. Commands that could let in an image unchecked, such as watch and publish, are refused.",
  options: {
    "allow-local": { kind: "switch", help: "Allow base images that exist only on this machine" },
  },
  examples: [
    { text: "start the project if all its images are signed", line: "DOCKER_CONTENT_TRUST=1 tagseal compose up" },
  ],
});

/** `tagseal create` */
export const create = engineCommand("create", {
  usage: "[OPTIONS] IMAGE [COMMAND] [ARG...]",
  summary: "Create a container from a signed image",
  description:
    "Under content trust, the tag is resolved to the digest it is signed for, that digest is pulled if the engine does not have it, and the container is created from it.",
  examples: [
    {
      text: "use content trust for this command only",
      line: "tagseal create --disable-content-trust=false registry.example.com/team/app:1.0",
    },
  ],
});

/** `tagseal run` */
export const run = engineCommand("run", {
  usage: "[OPTIONS] IMAGE [COMMAND] [ARG...]",
  summary: "Run a container from a signed image",
  description:
    "Under content trust, the tag is resolved to the digest it is signed for, that digest is pulled if the engine does not have it, and the container runs it.",
  examples: [
    {
      text: "run the image only if it is signed",
      line: "DOCKER_CONTENT_TRUST=1 tagseal run --rm registry.example.com/team/app:1.0 date",
    },
  ],
});
