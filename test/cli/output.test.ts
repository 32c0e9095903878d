/** What becomes of output that is not taken: by a full disk, by a reader that left, by one that is slow. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { missingPeers, run, runOk, tagsealCommand } from "../support/peers.ts";

/** Gives the command a small non-blocking pipe, as another program that has it open may have made it, and reads it late. */
const lateReader = `
import fcntl, os, subprocess, sys, time
reading, writing = os.pipe()
os.set_blocking(writing, False)
fcntl.fcntl(writing, 1031, 4096)  # F_SETPIPE_SZ
child = subprocess.Popen(sys.argv[1:], stdout=writing)
os.close(writing)
time.sleep(0.3)
while chunk := os.read(reading, 1000): sys.stdout.buffer.write(chunk)
sys.exit(child.wait())
`;

describe("output", () => {
  it("that cannot be written fails the command", async () => {
    const { code } = await run("sh", ["-c", `exec ${tagsealCommand} completion bash >/dev/full`]);
    assert.equal(code, 1);
  });

  it("whose reader has seen enough is no failure", async () => {
    const { stdout } = await runOk("bash", [
      "-c",
      `${tagsealCommand} completion bash | head -n 1; echo "\${PIPESTATUS[0]}"`,
    ]);
    assert.match(stdout, /^# bash completion for tagseal.*\n0\n$/u);
  });

  it("arrives whole when its reader is slow", { skip: missingPeers(["python"]) }, async () => {
    const expected = await runOk(tagsealCommand, ["completion", "bash"]);
    assert.ok(expected.stdout.length > 4096, "more than fits into the pipe");
    const { stdout } = await runOk("python3", ["-c", lateReader, tagsealCommand, "completion", "bash"]);
    assert.equal(stdout, expected.stdout);
  });
});
