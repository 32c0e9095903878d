import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { temporaryDirectory } from "../../test/support/temporary-directory.ts";
import { hasCode } from "../errors.ts";
import { dockerSetting, readConfigurationFile } from "./configuration-file.ts";

const pipeMaker = "mkfifo";
const directory = temporaryDirectory();

function written(name: string, text: string | Uint8Array): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

async function refusal(path: string): Promise<string> {
  try {
    await readConfigurationFile(path);
  } catch (error) {
    assert.ok(hasCode(error, "FILE_UNREADABLE"), String(error));
    return `${error.message} ${error.hint} ${String(error.cause)}`;
  }
  throw new assert.AssertionError({ message: `${path} was read` });
}

describe("a configuration file", () => {
  it("that is not there says nothing, and neither does one below what is no directory", async () => {
    assert.equal(await readConfigurationFile(join(directory, "absent")), undefined);
    assert.equal(await readConfigurationFile("/dev/null/config.json"), undefined);
    symlinkSync(join(directory, "nowhere"), join(directory, "dangling"));
    assert.equal(await readConfigurationFile(join(directory, "dangling")), undefined);
  });

  it("is read as Go reads it: empty, with a byte order mark, with any number, through a link", async () => {
    assert.deepEqual(await readConfigurationFile(written("empty", " \n")), {});
    const path = written("numbers", '\ufeff{"a": 1.5e3, "a": 2}');
    symlinkSync(path, join(directory, "link"));
    const value = await readConfigurationFile(join(directory, "link"));
    assert.equal(JSON.stringify(value), '{"a":2}');
  });

  it("I1: that is broken, huge, a directory or a pipe is an error at once, without any of its content", async () => {
    assert.match(
      await refusal(written("broken", '{"auth": geheim')),
      /is not JSON: unexpected character at character 9/,
    );
    assert.match(await refusal(written("list", '["geheim"]')), /is not a JSON object/);
    assert.match(await refusal(written("huge", Buffer.alloc(4 * 1024 * 1024 + 1, " "))), /is larger than/);
    mkdirSync(join(directory, "folder"));
    assert.match(await refusal(join(directory, "folder")), /is not a file/);
    execFileSync(pipeMaker, [join(directory, "pipe")]);
    assert.match(await refusal(join(directory, "pipe")), /is not a file/);
    assert.doesNotMatch(await refusal(join(directory, "broken")), /geheim/);
    assert.doesNotMatch(await refusal(join(directory, "list")), /geheim/);
  });

  it("of docker's names its settings: texts that are there and not empty", async () => {
    written("config.json", '{"currentContext":"far","plugins":{"tagseal":{"engine":"podman","no":1}},"credsStore":""}');
    assert.equal(await dockerSetting(directory, ["currentContext"]), "far");
    assert.equal(await dockerSetting(directory, ["plugins", "tagseal", "engine"]), "podman");
    assert.equal(await dockerSetting(directory, ["plugins", "other", "no"]), undefined);
    assert.equal(await dockerSetting(directory, ["credsStore"]), undefined);
    await assert.rejects(dockerSetting(directory, ["plugins", "tagseal", "no"]), {
      code: "FILE_UNREADABLE",
      message: /config\.json has a "plugins\.tagseal\.no" that is not a text$/u,
    });
    assert.equal(await dockerSetting(directory, ["plugins", "constructor", "name"]), undefined);
  });
});
