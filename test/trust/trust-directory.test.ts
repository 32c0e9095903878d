/**
 * What other programs, people and file systems may do to the trust directory: nothing is followed, nothing is waited for, and what is said is
 * true.
 */
import { equal, match, ok } from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { hasCode } from "../../src/errors.ts";
import { FileKeyStore } from "../../src/keys/file-key-store.ts";
import { signTags } from "../../src/trust/publishing/sign.ts";
import { verifyTag } from "../../src/trust/reading/verify.ts";
import { findExecutable, run } from "../support/processes.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { tagOf, trustStory } from "./trust-story.ts";

const story = trustStory();
const place = temporaryDirectory();
const sound = join(place, "sound");
/** The files that a signature and a verification leave, and those that only stand there meanwhile. */
let files: string[];

/** A sentinel that a link may lead to. */
const outside = join(place, "outside");
const theirs = "what belongs to somebody else\n";

/** What may be in the place of a file. */
const hazards: Readonly<Record<string, (path: string) => void>> = {
  "a link to a file": (path) => symlinkSync(outside, path),
  "a link to nowhere": (path) => symlinkSync(join(place, "nowhere"), path),
  "a link to itself": (path) => symlinkSync(path, path),
  "a pipe": (path) => execFileSync("mkfifo", [path]),
  "a directory": (path) => mkdirSync(path),
  "a directory with something in it": (path) => cpSync(join(sound, "trust/private"), path, { recursive: true }),
  "an empty file": (path) => writeFileSync(path, ""),
  "a large file": (path) => writeFileSync(path, "x".repeat(2_000_000)),
};

/** How such a thing may be refused. */
const refusals = [
  "METADATA_CACHE_CORRUPT",
  "FILE_UNWRITABLE",
  "FILE_UNREADABLE",
  "SIGNING_KEY_MISSING",
  "PEM_MALFORMED",
  "TOO_LARGE",
] as const;

/** A copy of the trust directory with a hazard in the place of one file. */
function spoilt(name: string, hazard: (path: string) => void): string {
  const directory = mkdtempSync(join(place, "spoilt-"));
  cpSync(sound, directory, { recursive: true });
  const path = join(directory, name);
  rmSync(path, { recursive: true, force: true });
  hazard(path);
  return directory;
}

const passphrases = { interactive: false, passphraseFor: async (): Promise<string> => "correct horse" };

function keysIn(directory: string): FileKeyStore {
  return new FileKeyStore({ directory: join(directory, "trust/private"), iterations: 1_000, passphrases });
}

/** Signs a tag, which reads and writes everything there is, and returns how that failed. */
async function sign(directory: string): Promise<{ error: Error | undefined; ms: number }> {
  const started = performance.now();
  const person = await story.person({ dockerConfigDir: directory, keys: keysIn(directory) });
  const error = await signTags(await person.open("processes/app"), [tagOf(`t${Math.floor(started)}`)]).then(
    () => undefined,
    (failure: Error) => failure,
  );
  return { error, ms: performance.now() - started };
}

/** Signs a tag as another user. */
async function signAs(user: number, directory: string): Promise<{ code: number | null; stderr: string }> {
  const identity = [`--reuid=${user}`, `--regid=${user}`, "--clear-groups"];
  const signer = fileURLToPath(new URL("signing-process.ts", import.meta.url));
  return await run("setpriv", [...identity, process.execPath, signer, story.url, directory, "other-", "1"]);
}

async function makeSoundDirectory(): Promise<void> {
  const owner = await story.person({ dockerConfigDir: sound, keys: keysIn(sound) });
  const context = await owner.open("processes/app");
  await signTags(context, [tagOf("v1")]);
  await verifyTag(context, "v1");
  const collection = "trust/tuf/localhost:5000/processes/app";
  files = [
    ...readdirSync(sound, { recursive: true, encoding: "utf8" }).filter((name) => statSync(join(sound, name)).isFile()),
    `${collection}/.tagseal-publish.lock`,
    `${collection}/.tagseal-cache.lock`,
    `${collection}/changelist`,
  ];
}

describe("the trust directory", () => {
  before(makeSoundDirectory);

  for (const [what, hazard] of Object.entries(hazards)) {
    it(`${what} in the place of any file of the trust directory is not followed, and nothing waits for it`, async () => {
      ok(files.length >= 9, files.join(", "));
      for (const name of files) {
        writeFileSync(outside, theirs);
        const directory = spoilt(name, hazard);
        const { error, ms } = await sign(directory);
        equal(readFileSync(outside, "utf8"), theirs, name);
        ok(!existsSync(join(place, "nowhere")), name);
        ok(ms < 5_000, `${name}: ${ms} ms`);
        // Either it is harmless, or it is refused with a code; never a defect of the program.
        if (error !== undefined) ok(hasCode(error, ...refusals), `${name}: ${error}`);
        rmSync(directory, { recursive: true });
      }
    });
  }

  it("a link in the place of any directory below the trust directory is not followed out of it, but a linked key directory is its owner's choice", async () => {
    const elsewhere = join(place, "elsewhere");
    for (const name of [
      "trust/tuf",
      "trust/tuf/localhost:5000",
      "trust/tuf/localhost:5000/processes/app",
      "trust/tuf/localhost:5000/processes/app/metadata",
      "trust/private",
    ]) {
      const directory = mkdtempSync(join(place, "linked-"));
      cpSync(sound, directory, { recursive: true });
      rmSync(elsewhere, { recursive: true, force: true });
      renameSync(join(directory, name), elsewhere);
      symlinkSync(elsewhere, join(directory, name));
      const before = readdirSync(elsewhere, { recursive: true });
      const { error } = await sign(directory);
      if (name === "trust/private") equal(error, undefined);
      else ok(hasCode(error, "METADATA_CACHE_CORRUPT"), `${name}: ${error}`);
      equal(String(readdirSync(elsewhere, { recursive: true })), String(before), name);
    }
  });

  it("a damaged file is named, with what its removal means", async () => {
    for (const role of ["root", "timestamp", "snapshot", "targets"]) {
      const path = `trust/tuf/localhost:5000/processes/app/metadata/${role}.json`;
      const directory = spoilt(path, (file) => writeFileSync(file, "{"));
      const { error } = await sign(directory);
      ok(hasCode(error, "METADATA_CACHE_CORRUPT"), `${role}: ${error}`);
      ok(error.message.includes(`(${join(directory, path)})`), error.message);
      ok(error.hint?.includes(`remove ${join(directory, path)}: `), error.hint);
    }
  });

  it("a linked home, configuration and trust directory work: people link them", async () => {
    const real = mkdtempSync(join(place, "real-"));
    cpSync(sound, real, { recursive: true });
    const linked = mkdtempSync(join(place, "links-"));
    symlinkSync(real, join(linked, "docker"));
    equal((await sign(join(linked, "docker"))).error, undefined);
    mkdirSync(join(linked, "config"));
    symlinkSync(join(real, "trust"), join(linked, "config/trust"));
    equal((await sign(join(linked, "config"))).error, undefined);
  });

  it(
    "files of somebody else that cannot be read or written are named, with what to do",
    { skip: process.getuid?.() !== 0 || findExecutable("setpriv") === undefined ? "needs root and setpriv" : false },
    async () => {
      chmodSync(place, 0o755);
      for (const name of files.filter((file) => !file.endsWith("lock") && !file.endsWith("changelist"))) {
        const directory = mkdtempSync(join(place, "others-"));
        cpSync(sound, directory, { recursive: true });
        for (const inside of [".", ...readdirSync(directory, { recursive: true, encoding: "utf8" })])
          chownSync(join(directory, inside), 65_534, 65_534);
        chownSync(join(directory, name), 0, 0);
        const { code, stderr } = await signAs(65_534, directory);
        // The directory is ours: what is only written is replaced.
        if (name.endsWith(".tagseal-confirmed")) equal(code, 0, stderr);
        else if (code !== 0)
          match(stderr, new RegExp(`${name.split("/").at(-1)?.replaceAll(".", "\\.")}: permission denied`, "u"));
        else ok(/private|targets\/releases|snapshot/u.test(name), `${name} was of no interest`);
      }
    },
  );
});
