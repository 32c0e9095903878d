import assert from "node:assert/strict";
import { chmodSync, cpSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { temporaryDirectory } from "../../test/support/temporary-directory.ts";
import { candidates, findEngine } from "./executable.ts";

const directory = temporaryDirectory();

/** Makes a directory with one executable in it, and returns the directory, for PATH. */
function program(place: string, name: string, text = "#!/bin/sh\nexit 0\n", mode = 0o755): string {
  mkdirSync(join(directory, place), { recursive: true });
  writeFileSync(join(directory, place, name), text);
  chmodSync(join(directory, place, name), mode);
  return join(directory, place);
}

const own = program("own", "tagseal", "#!/bin/sh\n# the launcher\n");
const self = [join(own, "tagseal")];
const docker = program("docker", "docker");
const podman = program("podman", "podman");

function shim(place: string, target: string): string {
  mkdirSync(join(directory, place), { recursive: true });
  symlinkSync(target, join(directory, place, "docker"));
  return join(directory, place);
}

const find = (path: readonly string[], wanted?: string) => findEngine({ env: { PATH: path.join(":") }, self, wanted });

describe("the real engine", () => {
  it("is docker where both are installed, podman where only that is", () => {
    assert.deepEqual(find([podman, docker]), { kind: "docker", path: join(docker, "docker") });
    assert.deepEqual(find([podman]), { kind: "podman", path: join(podman, "podman") });
  });

  it("is the one that is asked for", () => {
    assert.equal(find([docker, podman], "podman").path, join(podman, "podman"));
    assert.deepEqual(find([], join(podman, "podman")), { kind: "podman", path: join(podman, "podman") });
    assert.throws(() => find([docker], "podman"), { code: "ENGINE_NOT_FOUND" });
    assert.throws(() => find([docker], "nerdctl"), { code: "USAGE" });
    assert.throws(() => find([docker], join(docker, "nothing")), { code: "ENGINE_NOT_FOUND" });
  });

  it("is never a link to this program, however many links lead there", () => {
    const near = shim("near", join(own, "tagseal"));
    const far = shim("far", join(near, "docker"));
    assert.equal(find([far, near, docker]).path, join(docker, "docker"));
    assert.throws(() => find([far, near]), { code: "ENGINE_NOT_FOUND" });
    assert.throws(() => find([], join(far, "docker")), { code: "ENGINE_NOT_FOUND", message: /is Tagseal itself/ });
  });

  it("is never the self-contained executable under the name it is released by", () => {
    const released = shim(
      "released-link",
      join(program("released", "tagseal-linux-x64", "\u007fELF"), "tagseal-linux-x64"),
    );
    assert.equal(find([released, docker]).path, join(docker, "docker"));
  });

  it("is never another copy of Tagseal, or a script that starts one", () => {
    cpSync(join(own, "tagseal"), join(program("other", "unused"), "tagseal"));
    const otherCopy = shim("other-link", join(directory, "other", "tagseal"));
    const script = program("script", "docker", '#!/bin/sh\nexec tagseal "$@"\n');
    const renamed = program("renamed", "docker");
    const search = { env: { PATH: [otherCopy, script, renamed, docker].join(":") }, self: [join(renamed, "docker")] };
    assert.equal(findEngine(search).path, join(docker, "docker"));
    assert.deepEqual(
      candidates("docker", search).map(({ isTagseal }) => isTagseal),
      [true, true, true, false],
    );
  });

  it("is podman behind the docker that the podman-docker package brings", () => {
    const disguised = program("disguised", "docker", '#!/bin/sh\nexec /usr/bin/podman "$@"\n');
    assert.equal(find([disguised]).kind, "podman");
  });

  it("is an executable file, found by an absolute directory", () => {
    const plain = program("plain", "docker", "text", 0o644);
    mkdirSync(join(directory, "folder", "docker"), { recursive: true });
    assert.equal(find([".", "", plain, join(directory, "folder"), docker]).path, join(docker, "docker"));
    assert.throws(() => find([]), { code: "ENGINE_NOT_FOUND", message: /neither docker nor podman/ });
  });
});
