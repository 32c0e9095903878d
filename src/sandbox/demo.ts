/**
 * The story of content trust, told with real commands against real servers on loopback: what is signed is found, what is not
 * is invisible, and each attack is refused for its own reason. The attacker here owns the registry's disk, the trust server's
 * disk and its clock, but no publisher's key. Nothing is simulated in the client: an attack that were not refused would show.
 */
import { cp, open } from "node:fs/promises";
import { join } from "node:path";
import type { DemoImage } from "./demo-image.ts";
import { parseDigest } from "../reference/digest.ts";
import { blobPath } from "./registry/blob-path.ts";
import { type DemoStage, Narrator } from "./narrator.ts";

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
  readonly #narrator: Narrator;
  readonly #repository: string;

  constructor(stage: DemoStage) {
    this.#stage = stage;
    this.#narrator = new Narrator(stage);
    this.#repository = `${stage.sandbox.registryHost}/team/app`;
  }

  async play(): Promise<boolean> {
    const { sandbox, directory } = this.#stage;
    this.#narrator.say("title", "Tagseal: content trust for container images, on a real image and real servers");
    this.#narrator.say(
      "text",
      `registry ${sandbox.registryHost}, trust server ${sandbox.serverUrl}, files in ${directory}`,
    );
    const old = await this.#narrator.image("1.0", "the first release, with a hole in it");
    const fixed = await this.#narrator.image("1.1", "the second release, with the hole closed");
    const evil = await this.#narrator.image("evil", "not what the publisher built");
    await this.#unsignedIsInvisible(old);
    await this.#signedIsVisible(old);
    await this.#onlyKeysSign(evil);
    const backup = await this.#release(fixed);
    await this.#tagMoved(fixed, evil);
    await this.#layerTampered(fixed);
    await this.#rolledBack(fixed, backup);
    await this.#frozen(fixed);
    return this.#narrator.summary("Everything that was signed was found, and every attack was refused.");
  }

  async #unsignedIsInvisible(image: DemoImage): Promise<void> {
    this.#narrator.heading("An image is pushed but not signed");
    const ref = `${this.#repository}:stable`;
    await this.#narrator.must(["push", "--quiet", "--disable-content-trust", "--from", `oci:${image.directory}`, ref]);
    await this.#narrator.expect("an unsigned image is invisible", ["verify", ref], {
      exitCode: 2,
      code: "REPOSITORY_NOT_SIGNED",
    });
  }

  async #signedIsVisible(image: DemoImage): Promise<void> {
    this.#narrator.heading("The publisher pushes and signs");
    const ref = `${this.#repository}:stable`;
    await this.#narrator.must(["push", "--quiet", "--from", `oci:${image.directory}`, ref]);
    await this.#narrator.expect("a signed image is visible", ["verify", "--quiet", ref], {
      exitCode: 0,
      stdout: image.manifestDigest,
    });
    await this.#narrator.expect(
      "a signed image can be fetched",
      ["pull", "--quiet", "--to", `oci:${this.#narrator.path("pulled")}`, ref],
      {
        exitCode: 0,
        stdout: image.manifestDigest,
      },
    );
  }

  async #onlyKeysSign(evil: DemoImage): Promise<void> {
    this.#narrator.heading("Attack: an image is pushed with stolen registry credentials, but without a key");
    const ref = `${this.#repository}:evil`;
    const { environment } = this.#stage.sandbox;
    const thief = { DOCKER_CONFIG: this.#narrator.path("thief") };
    await cp(join(environment["DOCKER_CONFIG"] ?? "", "tls"), join(thief.DOCKER_CONFIG, "tls"), { recursive: true });
    const argv = ["push", "--quiet", "--from", `oci:${evil.directory}`, ref];
    await this.#narrator.expect(
      "without a key nothing is signed",
      argv,
      { exitCode: 1, code: "SIGNING_KEY_MISSING" },
      thief,
    );
  }

  /** @returns where the trust server's files of before this release were copied to */
  async #release(fixed: DemoImage): Promise<string> {
    this.#narrator.heading("The publisher releases a fix: `stable` now means 1.1");
    const backup = this.#narrator.path("server-of-last-week");
    await this.#narrator.replaceServerFiles(backup);
    const ref = `${this.#repository}:stable`;
    await this.#narrator.must(["push", "--quiet", "--from", `oci:${fixed.directory}`, ref]);
    await this.#narrator.expect("after the release the tag means the new image", ["verify", "--quiet", ref], {
      exitCode: 0,
      stdout: fixed.manifestDigest,
    });
    return backup;
  }

  async #tagMoved(fixed: DemoImage, evil: DemoImage): Promise<void> {
    this.#narrator.heading("Attack: the registry moves the tag to another image");
    const ref = `${this.#repository}:stable`;
    await this.#narrator.must(["push", "--quiet", "--disable-content-trust", "--from", `oci:${evil.directory}`, ref]);
    const moved = `${ref}@${evil.manifestDigest}`;
    await this.#narrator.expect("the moved tag is refused", ["verify", moved], {
      exitCode: 3,
      code: "TAG_DIGEST_MISMATCH",
    });
    await this.#narrator.expect(
      "a pull of the moved tag fetches what was signed",
      ["pull", "--quiet", "--to", `oci:${this.#narrator.path("pulled-after-move")}`, ref],
      { exitCode: 0, stdout: fixed.manifestDigest },
    );
  }

  async #layerTampered(fixed: DemoImage): Promise<void> {
    this.#narrator.heading("Attack: the registry changes one byte of a layer");
    const ref = `${this.#repository}:stable`;
    const layer = blobPath(this.#stage.sandbox.registryDirectory, parseDigest(fixed.layerDigest));
    await flipByte(layer);
    const argv = ["pull", "--quiet", "--to", `oci:${this.#narrator.path("pulled-tampered")}`, ref];
    await this.#narrator.expect("the changed layer is refused", argv, {
      exitCode: 3,
      code: "REGISTRY_DIGEST_MISMATCH",
    });
    await flipByte(layer);
  }

  async #rolledBack(fixed: DemoImage, backup: string): Promise<void> {
    this.#narrator.heading(
      "Attack: the trust server serves last week's metadata, validly signed, in which `stable` is 1.0",
    );
    const ref = `${this.#repository}:stable`;
    const current = this.#narrator.path("server-of-today");
    await this.#narrator.replaceServerFiles(current, backup);
    await this.#narrator.expect("the rollback is refused", ["verify", ref], {
      exitCode: 3,
      code: "METADATA_VERSION_ROLLBACK",
    });
    await this.#narrator.replaceServerFiles(this.#narrator.path("server-rolled-back"), current);
    await this.#narrator.expect("with the current files back, the tag verifies again", ["verify", "--quiet", ref], {
      exitCode: 0,
      stdout: fixed.manifestDigest,
    });
  }

  async #frozen(fixed: DemoImage): Promise<void> {
    this.#narrator.heading("Attack: the trust server freezes, and two weeks pass");
    this.#narrator.say(
      "text",
      "The server's clock stops, so it never signs a newer timestamp; the client's clock continues.",
    );
    const ref = `${this.#repository}:stable`;
    this.#stage.setServerClock("stopped");
    this.#stage.setClientClock(15 * dayMs);
    await this.#narrator.expect("the frozen server is refused", ["verify", ref], {
      exitCode: 3,
      code: "METADATA_EXPIRED",
    });
    this.#stage.setServerClock({ offsetMs: 15 * dayMs });
    await this.#narrator.expect("with the server's clock running again, the tag verifies", ["verify", "--quiet", ref], {
      exitCode: 0,
      stdout: fixed.manifestDigest,
    });
  }
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
