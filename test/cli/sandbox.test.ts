/** `tagseal sandbox`: the demonstration to its end and as the README shows it, and a sandbox that comes back as it was. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { after, describe, it } from "node:test";
import { recordingOf, recordingPath } from "../../release/recording/recording.ts";
import { documentedLines } from "../support/documented-lines.ts";
import { run, Scope, tagsealCommand } from "../support/peers.ts";

const root = resolve(import.meta.dirname, "../..");
const scope = new Scope("sandbox-command");
after(() => scope.close());
const env = { HOME: scope.directory, TMPDIR: scope.directory };

function exportsIn(text: string): string[] {
  return text.split("\n").filter((line) => line.startsWith("export "));
}

describe("the demonstration", () => {
  let demonstration = "";

  it("finds what is signed, sees every attack refused for its own reason, and exits with 0", async () => {
    const startedAt = Date.now();
    const { code, stdout, stderr } = await run(tagsealCommand, ["sandbox", "--demo"], { env });
    demonstration = stdout;
    assert.equal(code, 0, stdout + stderr);
    assert.ok(Date.now() - startedAt < 60_000);
    const codes = [...stdout.matchAll(/\[([A-Z_]+)\]$/gmu)].map((match) => match[1]);
    assert.deepEqual(codes, [
      "REPOSITORY_NOT_SIGNED",
      "SIGNING_KEY_MISSING",
      "TAG_DIGEST_MISMATCH",
      "REGISTRY_DIGEST_MISMATCH",
      "METADATA_VERSION_ROLLBACK",
      "METADATA_EXPIRED",
    ]);
    assert.match(stdout, /\nEverything that was signed was found, and every attack was refused\.\n$/);
    assert.equal(stdout.includes("✘") || stdout.includes("\u001b"), false);
  });

  it("is what the recording in the README shows; npm run recording makes a new one", () => {
    assert.equal(readFileSync(recordingPath, "utf8"), recordingOf(demonstration));
    assert.ok(readFileSync(join(root, "README.md"), "utf8").includes(`](${relative(root, recordingPath)})`));
  });

  it("ends its recording with the summary, which stands still where nothing moves", () => {
    const recording = readFileSync(recordingPath, "utf8");
    const steps = [...recording.matchAll(/<g class="step s\d+( still)?">(.*?)<\/g>/gu)];
    const summary = steps
      .filter(([, still]) => still !== undefined)
      .map(([, , texts = ""]) => texts.replaceAll(/<[^>]+>/gu, ""));
    assert.equal(summary[0], "Summary");
    assert.deepEqual(summary.slice(1, -1), demonstration.match(/(?<=── Summary\n[\s\S]*)✔ .*/gu));
    assert.equal(summary.at(-1), "Everything that was signed was found, and every attack was refused.");
    assert.match(recording, /\.step \{ visibility: hidden; \}\s*\.still \{ visibility: visible; \}/u);
    assert.match(recording, /@media \(prefers-reduced-motion: no-preference\) \{\s*\.step \{ animation: /u);
  });
});

describe("the demonstration of the gateway", () => {
  it("shows who gets malware after a theft, and that the gateway serves what is signed", async () => {
    const startedAt = Date.now();
    const line = documentedLines("docs/incident.md", "Would it have stopped this?").trim().split(" ");
    assert.equal(line.shift(), "tagseal");
    const { code, stdout, stderr } = await run(tagsealCommand, line, { env });
    assert.equal(code, 0, stdout + stderr);
    assert.ok(Date.now() - startedAt < 60_000);
    assert.equal(stdout.match(/^ {3}✔ /gmu)?.length, 18);
    assert.equal(stdout.includes("✘"), false);
    assert.match(stdout, /status 403: DENIED: No valid trust data for 2\.0/u);
    assert.match(stdout, /\nThe gateway served what was signed as current, and nothing else\.\n$/u);
  });
});

describe("a sandbox", () => {
  it("comes back with the same names, keys and images when it is given a directory", async () => {
    const args = ["sandbox", "--data", scope.path("kept")];
    const settings: string[][] = [];
    for (let round = 0; round < 2; round++) {
      const running = await scope.start("sandbox", tagsealCommand, args, {
        env,
        ready: (log) => log().includes("Ctrl-C ends it."),
      });
      settings.push(exportsIn(running.log()));
      assert.equal(await running.stop("SIGINT"), 0);
    }
    assert.equal(settings[0]?.length, 6);
    assert.deepEqual(settings[1], settings[0]);
  });

  it("says so when a port is taken", async () => {
    const running = await scope.start("sandbox", tagsealCommand, ["sandbox"], {
      env,
      ready: (log) => log().includes("Ctrl-C ends it."),
    });
    const port = /SERVER=https:\/\/127\.0\.0\.1:(\d+)/.exec(running.log())?.[1] ?? "";
    const { code, stderr } = await run(tagsealCommand, ["sandbox", "--server-port", port], { env });
    assert.equal(code, 1);
    assert.match(stderr, /\[SERVER_CONFIGURATION\]/);
    const registry = /REGISTRY=127\.0\.0\.1:(\d+)/.exec(running.log())?.[1] ?? "";
    const other = await run(tagsealCommand, ["sandbox", "--registry-port", registry], { env });
    assert.equal(other.code, 1);
    assert.match(other.stderr, /^cannot start the registry on .*\nhint: Choose another --registry-port/);
    await running.stop();
  });
});
