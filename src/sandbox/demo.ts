/**
 * The story of content trust, told with real commands against real servers on loopback: what is signed is found, what is not
 * is invisible, and each attack is refused for its own reason. The attacker here owns the registry's disk, the trust server's
 * disk and its clock, but no publisher's key. Nothing is simulated in the client: an attack that were not refused would show.
 */
import { cp, open, rm } from "node:fs/promises";
import { join } from "node:path";
import { type DemoImage, writeDemoImage } from "./demo-image.ts";
import { parseDigest } from "../reference/digest.ts";
import { blobPath } from "./registry/blob-path.ts";
import type { Sandbox } from "./sandbox.ts";

/** What a command did. */
export interface CommandOutcome {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What a line of the story is, so that a terminal may dress it. */
export type LineKind = "title" | "heading" | "text" | "command" | "output" | "good" | "bad";

/** The stage the story plays on. */
export interface DemoStage {
  readonly sandbox: Sandbox;
  /** for images, backups and the other machine's configuration */
  readonly directory: string;
  /** runs a Tagseal command line with the sandbox's environment; `env` is added */
  run(argv: readonly string[], env?: Readonly<Record<string, string>>): Promise<CommandOutcome>;
  say(kind: LineKind, line: string): void;
  /** moves the clock all commands see */
  setClientClock(offsetMs: number): void;
  /** stops the trust server's clock where it is, or lets it run again at this offset */
  setServerClock(clock: "stopped" | { readonly offsetMs: number }): void;
}

/** What must happen for a step to count. */
interface Expectation {
  readonly exitCode: number;
  /** the error code a refusal must carry */
  readonly code?: string;
  /** text that must stand on standard output */
  readonly stdout?: string;
}

const dayMs = 86_400_000;

/**
 * Plays the whole story.
 *
 * @returns true when everything happened as told, every refusal included
 */
export async function playDemo(stage: DemoStage): Promise<boolean> {
  return await new Demo(stage).play();
}

class Demo {
  readonly #stage: DemoStage;
  readonly #repository: string;
  readonly #results: { readonly what: string; readonly ok: boolean }[] = [];

  constructor(stage: DemoStage) {
    this.#stage = stage;
    this.#repository = `${stage.sandbox.registryHost}/team/app`;
  }

  async play(): Promise<boolean> {
    const { sandbox, directory } = this.#stage;
    this.#say("title", "Tagseal: content trust for container images, on a real image and real servers");
    this.#say("text", `registry ${sandbox.registryHost}, trust server ${sandbox.serverUrl}, files in ${directory}`);
    const old = await this.#image("1.0", "the first release, with a hole in it");
    const fixed = await this.#image("1.1", "the second release, with the hole closed");
    const evil = await this.#image("evil", "not what the publisher built");
    await this.#unsignedIsInvisible(old);
    await this.#signedIsVisible(old);
    await this.#onlyKeysSign(evil);
    const backup = await this.#release(fixed);
    await this.#tagMoved(fixed, evil);
    await this.#layerTampered(fixed);
    await this.#rolledBack(fixed, backup);
    await this.#frozen(fixed);
    return this.#summary();
  }

  async #unsignedIsInvisible(image: DemoImage): Promise<void> {
    this.#heading("An image is pushed but not signed");
    const ref = `${this.#repository}:stable`;
    await this.#must(["push", "--quiet", "--disable-content-trust", "--from", `oci:${image.directory}`, ref]);
    await this.#expect("an unsigned image is invisible", ["verify", ref], {
      exitCode: 2,
      code: "REPOSITORY_NOT_SIGNED",
    });
  }

  async #signedIsVisible(image: DemoImage): Promise<void> {
    this.#heading("The publisher pushes and signs");
    const ref = `${this.#repository}:stable`;
    await this.#must(["push", "--quiet", "--from", `oci:${image.directory}`, ref]);
    await this.#expect("a signed image is visible", ["verify", "--quiet", ref], {
      exitCode: 0,
      stdout: image.manifestDigest,
    });
    await this.#expect(
      "a signed image can be fetched",
      ["pull", "--quiet", "--to", `oci:${this.#path("pulled")}`, ref],
      {
        exitCode: 0,
        stdout: image.manifestDigest,
      },
    );
  }

  async #onlyKeysSign(evil: DemoImage): Promise<void> {
    this.#heading("Attack: an image is pushed with stolen registry credentials, but without a key");
    const ref = `${this.#repository}:evil`;
    const { environment } = this.#stage.sandbox;
    const thief = { DOCKER_CONFIG: this.#path("thief") };
    await cp(join(environment["DOCKER_CONFIG"] ?? "", "tls"), join(thief.DOCKER_CONFIG, "tls"), { recursive: true });
    const argv = ["push", "--quiet", "--from", `oci:${evil.directory}`, ref];
    await this.#expect("without a key nothing is signed", argv, { exitCode: 1, code: "SIGNING_KEY_MISSING" }, thief);
  }

  /** @returns where the trust server's files of before this release were copied to */
  async #release(fixed: DemoImage): Promise<string> {
    this.#heading("The publisher releases a fix: `stable` now means 1.1");
    const { sandbox } = this.#stage;
    const backup = this.#path("server-of-last-week");
    await sandbox.stopTrustServer();
    await cp(sandbox.serverDirectory, backup, { recursive: true });
    await sandbox.startTrustServer();
    const ref = `${this.#repository}:stable`;
    await this.#must(["push", "--quiet", "--from", `oci:${fixed.directory}`, ref]);
    await this.#expect("after the release the tag means the new image", ["verify", "--quiet", ref], {
      exitCode: 0,
      stdout: fixed.manifestDigest,
    });
    return backup;
  }

  async #tagMoved(fixed: DemoImage, evil: DemoImage): Promise<void> {
    this.#heading("Attack: the registry moves the tag to another image");
    const ref = `${this.#repository}:stable`;
    await this.#must(["push", "--quiet", "--disable-content-trust", "--from", `oci:${evil.directory}`, ref]);
    const moved = `${ref}@${evil.manifestDigest}`;
    await this.#expect("the moved tag is refused", ["verify", moved], { exitCode: 3, code: "TAG_DIGEST_MISMATCH" });
    await this.#expect(
      "a pull of the moved tag fetches what was signed",
      ["pull", "--quiet", "--to", `oci:${this.#path("pulled-after-move")}`, ref],
      { exitCode: 0, stdout: fixed.manifestDigest },
    );
  }

  async #layerTampered(fixed: DemoImage): Promise<void> {
    this.#heading("Attack: the registry changes one byte of a layer");
    const ref = `${this.#repository}:stable`;
    const layer = blobPath(this.#stage.sandbox.registryDirectory, parseDigest(fixed.layerDigest));
    await flipByte(layer);
    const argv = ["pull", "--quiet", "--to", `oci:${this.#path("pulled-tampered")}`, ref];
    await this.#expect("the changed layer is refused", argv, { exitCode: 3, code: "REGISTRY_DIGEST_MISMATCH" });
    await flipByte(layer);
  }

  async #rolledBack(fixed: DemoImage, backup: string): Promise<void> {
    this.#heading("Attack: the trust server serves last week's metadata, validly signed, in which `stable` is 1.0");
    const ref = `${this.#repository}:stable`;
    const current = this.#path("server-of-today");
    await this.#replaceServerFiles(backup, current);
    await this.#expect("the rollback is refused", ["verify", ref], {
      exitCode: 3,
      code: "METADATA_VERSION_ROLLBACK",
    });
    await this.#replaceServerFiles(current, this.#path("server-rolled-back"));
    await this.#expect("with the current files back, the tag verifies again", ["verify", "--quiet", ref], {
      exitCode: 0,
      stdout: fixed.manifestDigest,
    });
  }

  async #frozen(fixed: DemoImage): Promise<void> {
    this.#heading("Attack: the trust server freezes, and two weeks pass");
    this.#say("text", "The server's clock stops, so it never signs a newer timestamp; the client's clock continues.");
    const ref = `${this.#repository}:stable`;
    this.#stage.setServerClock("stopped");
    this.#stage.setClientClock(15 * dayMs);
    await this.#expect("the frozen server is refused", ["verify", ref], { exitCode: 3, code: "METADATA_EXPIRED" });
    this.#stage.setServerClock({ offsetMs: 15 * dayMs });
    await this.#expect("with the server's clock running again, the tag verifies", ["verify", "--quiet", ref], {
      exitCode: 0,
      stdout: fixed.manifestDigest,
    });
  }

  #summary(): boolean {
    const failed = this.#results.filter(({ ok }) => !ok);
    this.#heading("Summary");
    for (const { what, ok } of this.#results) this.#say(ok ? "good" : "bad", what);
    this.#say(
      failed.length === 0 ? "title" : "bad",
      failed.length === 0
        ? "Everything that was signed was found, and every attack was refused."
        : `${failed.length} of ${this.#results.length} did not happen as they must.`,
    );
    return failed.length === 0;
  }

  async #image(version: string, message: string): Promise<DemoImage> {
    return await writeDemoImage(this.#path(`image-${version}`), { version, message });
  }

  async #replaceServerFiles(from: string, keepIn: string): Promise<void> {
    const { sandbox } = this.#stage;
    await sandbox.stopTrustServer();
    await cp(sandbox.serverDirectory, keepIn, { recursive: true });
    await rm(sandbox.serverDirectory, { recursive: true });
    await cp(from, sandbox.serverDirectory, { recursive: true });
    await sandbox.startTrustServer();
  }

  /** A step the story needs; when it fails the rest cannot be told truthfully, and is counted against it. */
  async #must(argv: readonly string[]): Promise<void> {
    const outcome = await this.#show(argv);
    if (outcome.exitCode !== 0) this.#results.push({ what: `tagseal ${argv[0] ?? ""} worked`, ok: false });
  }

  async #expect(
    what: string,
    argv: readonly string[],
    expected: Expectation,
    env?: Readonly<Record<string, string>>,
  ): Promise<void> {
    const outcome = await this.#show(argv, env);
    const ok = meets(outcome, expected);
    this.#results.push({ what, ok });
    const wanted = `exit status ${expected.exitCode} and ${expected.code ?? expected.stdout}`;
    this.#say(ok ? "good" : "bad", ok ? what : `${what}: this did NOT happen; expected ${wanted}`);
  }

  async #show(argv: readonly string[], env?: Readonly<Record<string, string>>): Promise<CommandOutcome> {
    this.#say("command", `tagseal ${argv.join(" ")}`);
    const outcome = await this.#stage.run(argv, env);
    for (const line of `${outcome.stdout}${outcome.stderr}`.trimEnd().split("\n")) {
      if (line !== "") this.#say("output", line);
    }
    if (outcome.exitCode !== 0) this.#say("output", `(exit status ${outcome.exitCode})`);
    return outcome;
  }

  #heading(text: string): void {
    this.#say("heading", text);
  }

  #say(kind: LineKind, line: string): void {
    this.#stage.say(kind, line);
  }

  #path(name: string): string {
    return join(this.#stage.directory, name);
  }
}

function meets({ exitCode, stdout, stderr }: CommandOutcome, expected: Expectation): boolean {
  return (
    exitCode === expected.exitCode &&
    (expected.code === undefined || stderr.includes(`[${expected.code}]`)) &&
    (expected.stdout === undefined || stdout.includes(expected.stdout))
  );
}

/** Inverts one byte in the middle of a file; twice restores it. */
async function flipByte(path: string): Promise<void> {
  const file = await open(path, "r+");
  try {
    const { size } = await file.stat();
    const at = Math.floor(size / 2);
    const { buffer } = await file.read(Buffer.alloc(1), 0, 1, at);
    await file.write(Buffer.from([(buffer[0] ?? 0) ^ 0xff]), 0, 1, at);
  } finally {
    await file.close();
  }
}
