/**
 * `npm run recording`: runs the demonstration and writes its recording, the picture at the top of the README. A test compares the picture
 * with what the demonstration prints today.
 */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { recordingOf, recordingPath } from "./recording.ts";

const command = resolve(import.meta.dirname, "../../bin/tagseal");
const env = { ...process.env, NO_COLOR: "1" };
writeFileSync(recordingPath, recordingOf(execFileSync(command, ["sandbox", "--demo"], { env, encoding: "utf8" })));
