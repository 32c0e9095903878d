import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { temporaryDirectory } from "../../test/support/temporary-directory.ts";
import { parseImageReference } from "../reference/image-reference.ts";
import { registrySources } from "./registries-conf.ts";

const root = temporaryDirectory();
let count = 0;

/** `location | mirror …`, with `!` after what is insecure. */
async function asked(image: string, text: string, dropIn?: string): Promise<string> {
  const home = join(root, `home-${++count}`);
  const own = join(home, ".config", "containers");
  mkdirSync(join(own, "registries.conf.d"), { recursive: true });
  writeFileSync(join(own, "registries.conf"), text);
  if (dropIn !== undefined) writeFileSync(join(own, "registries.conf.d", "50-own.conf"), dropIn);
  const { location, mirrors } = await registrySources(parseImageReference(image), { env: {}, home });
  const shown = [location, ...mirrors].map(
    ({ registry, repository, insecure }) => `${registry}/${repository}${insecure ? "!" : ""}`,
  );
  return shown.join(" | ");
}

describe("podman's registries.conf", () => {
  it("says nothing of most registries", async () => {
    assert.equal(await asked("r.example/a/b", ""), "r.example/a/b");
    assert.equal(await asked("alpine", 'unqualified-search-registries = ["docker.io"]\n'), "docker.io/library/alpine");
    const near = '[[registry]]\nlocation = "r.example"\ninsecure = true\n';
    for (const image of ["r.example.evil/a", "sub.r.example/a", "s.example/r.example"])
      assert.doesNotMatch(await asked(image, near), /!/);
  });

  it("makes a registry insecure, by host, by port, by path, by subdomain, in the form of today and in the former one", async () => {
    const insecure = (prefix: string): string =>
      `[[registry]]\nprefix = "${prefix}"\nlocation = "r.example:5000/x"\ninsecure = true`;
    assert.equal(
      await asked("r.example:5000/a", '[[registry]]\nlocation = "r.example:5000"\ninsecure = true'),
      "r.example:5000/a!",
    );
    assert.equal(await asked("h.example/a/b", insecure("h.example/a")), "r.example:5000/x/b!");
    assert.equal(await asked("h.example/ab/b", insecure("h.example/a")), "h.example/ab/b");
    assert.equal(
      await asked("s.h.example/a", '[[registry]]\nprefix = "*.h.example"\ninsecure = true'),
      "s.h.example/a!",
    );
    assert.equal(await asked("h.example/a", '[registries.insecure]\nregistries = ["h.example"]'), "h.example/a!");
  });

  it("moves a registry, and names mirrors; the longest prefix decides", async () => {
    const text = `
[[registry]]
prefix = "docker.io" # everything
location = "mirror.example/hub"
  [[registry.mirror]]
  location = "near.example:5000/hub"
  insecure = true
  [[registry.mirror]]
  location = "tags.example"
  pull-from-mirror = "tag-only"
[[registry]]
prefix = "docker.io/me"
location = "docker.io/me"
`;
    assert.equal(
      await asked("alpine", text),
      "mirror.example/hub/library/alpine | near.example:5000/hub/library/alpine!",
    );
    assert.equal(await asked("me/app", text), "docker.io/me/app");
  });

  it("is completed by files beside it, whose rules replace those of the same prefix", async () => {
    const text = '[[registry]]\nlocation = "r.example"\ninsecure = true';
    assert.equal(await asked("r.example/a", text, '[[registry]]\nlocation = "r.example"'), "r.example/a");
    assert.equal(
      await asked("s.example/a", text, '[[registry]]\nlocation = "s.example"\ninsecure = true'),
      "s.example/a!",
    );
  });

  it("I9: that is broken or blocks a registry ends the work", async () => {
    await assert.rejects(asked("a", "[[registry"), { code: "FILE_UNREADABLE" });
    await assert.rejects(asked("a", "[[registry]]\ninsecure = true"), { code: "FILE_UNREADABLE" });
    await assert.rejects(asked("r.example/a", '[[registry]]\nlocation = "r.example"\nblocked = true'), {
      code: "USAGE",
    });
  });

  it("I9: is refused where a value has another type, and what it would forbid is not taken to be allowed", async () => {
    for (const line of ['blocked = "true"', "insecure = 1", "location = 5", 'mirror = "m.example"']) {
      const text = `[[registry]]\nprefix = "r.example"\n${line.startsWith("location") ? "" : 'location = "r.example"\n'}${line}`;
      await assert.rejects(
        asked("r.example/a", text),
        { code: "FILE_UNREADABLE", message: /registries\.conf has a "/u },
        line,
      );
    }
  });
});
