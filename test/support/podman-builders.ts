/** podman and buildah as the engine behind a build, with separate storage, and a note of everything they were asked for. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Client } from "./clients.ts";
import { trustOn } from "./docker-words.ts";
import { type Environment, findExecutable, type Finished, type RunOptions, type Scope } from "./processes.ts";

/** Who builds. */
export type BuilderName = "podman" | "buildah";

/** Where a builder works. */
export interface BuilderPlace {
  readonly scope: Scope;
  /** the registry, spoken to in plain HTTP; short names are looked up there, too */
  readonly host: string;
  readonly user: Client;
}

/** One builder behind `tagseal build`. */
export class PodmanBuilder {
  readonly env: Environment;
  readonly #place: BuilderPlace;
  /** the engine's command */
  readonly command: string;
  readonly #log: string;
  #contexts = 0;

  /** Sets `name` up in a directory of the scope. podman's runroot may be 50 characters long: keep the scope's name short. */
  constructor(name: BuilderName, place: BuilderPlace) {
    this.#place = place;
    const directory = place.scope.path(name.slice(0, 1));
    mkdirSync(directory);
    const registries = `unqualified-search-registries = ["${place.host}"]\n[[registry]]\nlocation = "${place.host}"\ninsecure = true\n`;
    writeFileSync(join(directory, "registries.conf"), registries);
    this.#log = join(directory, "log");
    this.command = join(directory, "podman");
    const storage = '--root "${0%/*}/root" --runroot "${0%/*}/run" --storage-driver vfs';
    const podman = findExecutable("podman") ?? "podman";
    const lines = [
      "#!/bin/sh",
      'echo "$@" >>"${0%/*}/log"',
      'export CONTAINERS_REGISTRIES_CONF="${0%/*}/registries.conf" BUILDAH_ISOLATION=chroot',
      `if [ "$1" = build ]; then exec ${findExecutable(name) ?? name} ${storage} "$@"; fi`,
      `exec ${podman} ${storage} "$@"`,
    ];
    writeFileSync(this.command, `${lines.join("\n")}\n`, { mode: 0o755 });
    this.env = { TAGSEAL_ENGINE: this.command };
  }

  /** A directory with these files, and `file.txt`. */
  context(files: Readonly<Record<string, string>>): string {
    this.#contexts += 1;
    const directory = join(this.command, "..", `build-${this.#contexts}`);
    mkdirSync(directory);
    for (const [name, content] of Object.entries({ "file.txt": "content\n", ...files })) {
      writeFileSync(join(directory, name), content);
    }
    return directory;
  }

  /** The engine without content trust in front of it; returns what it prints. */
  direct(...args: readonly string[]): string {
    return execFileSync(this.command, args, { stdio: "pipe", encoding: "utf8" });
  }

  /** Whether the engine has an image. */
  has(image: string): boolean {
    return this.direct(
      "images",
      "--digests",
      "--format",
      "{{.Repository}}:{{.Tag}} {{.Repository}}@{{.Digest}}",
    ).includes(image);
  }

  /** `tagseal build` with trust on. */
  async build(args: readonly string[], options: RunOptions = {}): Promise<Finished> {
    writeFileSync(this.#log, "");
    return await this.#place.user.tagseal(["build", ...args], {
      ...options,
      env: { ...this.env, ...trustOn, ...options.env },
    });
  }

  /** The same, which must succeed; returns everything that was printed. */
  async builds(args: readonly string[], options: RunOptions = {}): Promise<string> {
    const { code, stdout, stderr } = await this.build(args, options);
    assert.equal(code, 0, stdout + stderr);
    return stdout + stderr;
  }

  /** The same, which must be refused before the engine is asked for a build. */
  async refuses(args: readonly string[], words: RegExp, options: RunOptions = {}): Promise<void> {
    const { code, stdout, stderr } = await this.build(args, options);
    assert.match(stderr, words, stdout);
    assert.equal(code, 1);
    assert.doesNotMatch(readFileSync(this.#log, "utf8"), /\bbuild\b/u, "the engine was asked to build");
  }
}
