import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Writable } from "node:stream";
import { test } from "node:test";
import { scriptedPassphrases } from "../../test/support/scripted-passphrases.ts";
import { temporaryDirectory } from "../../test/support/temporary-directory.ts";
import { fromPrompt } from "./passphrase-prompt.ts";
import type { PassphraseTerminal } from "./passphrase-prompt.ts";
import { fromCommand, fromEnvironment, fromFileDescriptor, requireProgram } from "./passphrase-sources.ts";
import type { PassphraseRequest } from "./passphrase.ts";

const directory = temporaryDirectory();
const unavailable = { code: "PASSPHRASE_UNAVAILABLE" };
const wrong = { code: "PASSPHRASE_WRONG" };
const keyId = "39fa6e3".padEnd(64, "0");

function request(role: string, more: Partial<PassphraseRequest> = {}): PassphraseRequest {
  return { purpose: "unlock", role, gun: undefined, keyId, attempt: 1, ...more };
}
const again = { attempt: 2, previousFailure: "wrong" } as const;

/** A terminal at which a user types the given lines; `shown` is what they saw, without secrets. */
function terminal(...lines: readonly string[]) {
  const rest = [...lines];
  let shown = "";
  const typed: PassphraseTerminal = {
    interactive: true,
    async askSecret(prompt) {
      shown += `${prompt}\n`;
      return rest.shift();
    },
    tell(text) {
      shown += text;
    },
  };
  return { source: fromPrompt(typed), shown: () => shown };
}

const rootWarning = `You are about to create a new root signing key passphrase. This passphrase
will be used to protect the most sensitive key in your signing system. Please
choose a long, complex passphrase and be careful to keep the password and the
key file itself secure and backed up. It is highly recommended that you use a
password manager to generate the passphrase and keep it safe. There will be no
way to recover this key. You can find the key in your config directory.
`;

test("asks for a new root passphrase in docker's words", async () => {
  const { source, shown } = terminal("long enough", "long enough");
  assert.equal(await source.passphraseFor(request("root", { purpose: "new" })), "long enough");
  const prompts =
    "Enter passphrase for new root key with ID 39fa6e3: \nRepeat passphrase for new root key with ID 39fa6e3: \n";
  assert.equal(shown(), rootWarning + prompts);
});

test("says repository for targets and snapshot keys, and the name of a signer", async () => {
  for (const [role, name] of [
    ["targets", "repository"],
    ["snapshot", "repository"],
    ["alice", "alice"],
    ["root", "root"],
  ] as const) {
    const { source, shown } = terminal("secret");
    await source.passphraseFor(request(role));
    assert.equal(shown(), `Enter passphrase for ${name} key with ID 39fa6e3: \n`);
  }
  const { source, shown } = terminal("secret");
  await source.passphraseFor(request("encrypted", { keyId: "" }));
  assert.equal(shown(), "Enter passphrase for encrypted key: \n");
});

test("trims the typed passphrase, as docker does", async () => {
  assert.equal(await terminal("  secret \t").source.passphraseFor(request("root")), "secret");
});

test("says that a passphrase was wrong before asking again", async () => {
  const { source, shown } = terminal("secret");
  await source.passphraseFor(request("alice", again));
  assert.equal(shown(), "Passphrase incorrect. Please retry.\nEnter passphrase for alice key with ID 39fa6e3: \n");
});

test("asks again for a new passphrase that is too short or not repeated, in docker's words", async () => {
  const { source, shown } = terminal("short", "long enough", "long enouhg", "long enough", "long enough");
  assert.equal(await source.passphraseFor(request("alice", { purpose: "new" })), "long enough");
  const [enter, repeat] = ["Enter", "Repeat"].map((verb) => `${verb} passphrase for new alice key with ID 39fa6e3: \n`);
  const tooShort =
    "Passphrase is too short. Please use a password manager to generate and store a good random passphrase.\n";
  assert.equal(
    shown(),
    `${enter}${tooShort}${enter}${repeat}Passphrases do not match. Please retry.\n${enter}${repeat}`,
  );
});

test("counts bytes, not characters, towards the least length", async () => {
  assert.equal(await terminal("ääää", "ääää").source.passphraseFor(request("x", { purpose: "new" })), "ääää");
});

test("gives up on a new passphrase after three tries, and says what was wrong with the last", async () => {
  const short = terminal("a", "b", "c", "long enough").source;
  await assert.rejects(short.passphraseFor(request("x", { purpose: "new" })), { code: "PASSPHRASE_TOO_SHORT" });
  const mismatch = terminal("a", "long enough", "other one", "long enough", "other one").source;
  await assert.rejects(mismatch.passphraseFor(request("x", { purpose: "new" })), wrong);
});

test("without a terminal says what to do, in notary's words", async () => {
  await assert.rejects(terminal().source.passphraseFor(request("root")), {
    ...unavailable,
    message: "Please either use environment variables or STDIN with a terminal to provide key passphrases",
  });
});

const variables: readonly [role: string, docker: string, notary: string][] = [
  ["root", "DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE", "NOTARY_ROOT_PASSPHRASE"],
  ["targets", "DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE", "NOTARY_TARGETS_PASSPHRASE"],
  ["snapshot", "DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE", "NOTARY_SNAPSHOT_PASSPHRASE"],
  ["targets/alice", "DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE", "NOTARY_DELEGATION_PASSPHRASE"],
  ["alice", "DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE", "NOTARY_DELEGATION_PASSPHRASE"],
];
for (const [role, docker, notary] of variables) {
  test(`takes the passphrase for ${role} from ${docker}, then from ${notary}`, async () => {
    const both = fromEnvironment({ [docker]: "from docker", [notary]: "from notary" });
    assert.equal(await both.passphraseFor(request(role)), "from docker");
    assert.equal(await both.passphraseFor(request(role, again)), "from notary");
    await assert.rejects(both.passphraseFor(request(role, { ...again, attempt: 3 })), {
      ...wrong,
      message: `Wrong passphrase for ${role} key 39fa6e3: the one in ${docker} or ${notary} does not open it`,
    });
    assert.equal(await fromEnvironment({ [notary]: "a" }).passphraseFor(request(role, { purpose: "new" })), "a");
    const none = fromEnvironment({ [docker]: "" });
    await assert.rejects(none.passphraseFor(request(role)), {
      ...unavailable,
      message: new RegExp(`${docker} and ${notary} are not set`),
    });
  });
}

test("falls back only when no variable is set for the role", async () => {
  const fallback = scriptedPassphrases("asked for");
  const source = fromEnvironment({ DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE: "set" }, fallback);
  assert.equal(await source.passphraseFor(request("targets")), "asked for");
  await assert.rejects(source.passphraseFor(request("root", again)), wrong);
  assert.deepEqual(fallback.asked, ["unlock targets 1"]);
  assert.equal(source.interactive, false);
  assert.equal(fromEnvironment({}, fromPrompt({ ...idle, interactive: true })).interactive, true);
});

const idle: Omit<PassphraseTerminal, "interactive"> = { askSecret: async () => undefined, tell: () => undefined };

function descriptorOf(text: string): number {
  const path = join(directory, `fd-${Math.random()}`);
  writeFileSync(path, text);
  return openSync(path, "r");
}

test("takes the first line of a file descriptor for every key, reading it once and leaving it open", async () => {
  const descriptor = descriptorOf("first line\r\nsecond\n");
  const source = fromFileDescriptor(descriptor);
  assert.equal(await source.passphraseFor(request("root")), "first line");
  assert.equal(await source.passphraseFor(request("targets")), "first line");
  await assert.rejects(source.passphraseFor(request("targets", again)), { ...wrong, message: /file descriptor/ });
  closeSync(descriptor);
});

test("I1: an empty, endless or closed file descriptor gives no passphrase", async () => {
  await assert.rejects(fromFileDescriptor(descriptorOf("")).passphraseFor(request("root")), unavailable);
  await assert.rejects(
    fromFileDescriptor(descriptorOf("x".repeat(100_000))).passphraseFor(request("root")),
    unavailable,
  );
  await assert.rejects(fromFileDescriptor(9_999).passphraseFor(request("root")), {
    ...unavailable,
    message: /file descriptor 9999/,
  });
});

const node = process.execPath;
const script = (text: string): [string, ...string[]] => [node, "-e", text];

test("takes the first line that a command prints, and gives the command the request", async () => {
  const print =
    "const e = process.env; console.log([e.TAGSEAL_KEY_ROLE, e.TAGSEAL_KEY_GUN, e.TAGSEAL_KEY_ID, e.TAGSEAL_KEY_PURPOSE].join()); console.log('more')";
  const source = fromCommand(script(print), {});
  assert.equal(await source.passphraseFor(request("targets", { gun: "a/b" })), `targets,a/b,${keyId},unlock`);
  await assert.rejects(source.passphraseFor(request("targets", again)), wrong);
});

test("I6: a command sees none of the passphrases, neither in its environment nor in its arguments", async () => {
  const ofSigners = ["TAGSEAL_SIGNER_PASSPHRASE", "NOTARY_SIGNER_ALIAS1"];
  const ofClients = variables.flatMap(([, docker, notary]) => [docker, notary]);
  const ofTomorrow = [
    "NOTARY_CUSTOM_PASSPHRASE",
    "TAGSEAL_NEW_PASSPHRASE",
    "DOCKER_CONTENT_TRUST_DELEGATION_PASSPHRASE",
  ];
  const names = [...ofClients, ...ofSigners, ...ofTomorrow, "NOTARY_AUTH"];
  const environment = Object.fromEntries(names.map((name) => [name, "hidden"]));
  const dump = join(directory, "seen");
  const write = `require("fs").writeFileSync(${JSON.stringify(dump)}, JSON.stringify([process.env, process.argv])); console.log("x")`;
  await fromCommand(script(write), { ...environment, VISIBLE: "yes" }).passphraseFor(request("root"));
  const seen = readFileSync(dump, "utf8");
  assert.ok(seen.includes("VISIBLE") && !seen.includes("hidden"));
});

test("a command that fails, prints nothing or does not exist gives no passphrase", async () => {
  await assert.rejects(fromCommand(script("process.exit(3)"), {}).passphraseFor(request("root")), {
    ...unavailable,
    message: /failed with 3/,
  });
  await assert.rejects(fromCommand(script(""), {}).passphraseFor(request("root")), unavailable);
  await assert.rejects(fromCommand([join(directory, "absent")], {}).passphraseFor(request("root")), {
    ...unavailable,
    message: /could not be started/,
  });
});

test("a command that prints nothing for too long is stopped, with its children", async () => {
  const slow = join(directory, "slow");
  writeFileSync(slow, "#!/bin/sh\nsleep 60 &\nwait\n", { mode: 0o700 });
  await assert.rejects(fromCommand([slow], {}, 200).passphraseFor(request("root")), {
    ...unavailable,
    message: /printed no passphrase within 0\.2 seconds/,
  });
});

test("looks for a command before it is needed, in PATH and by its path", () => {
  const environment = { PATH: "/nonexistent:/bin" };
  requireProgram("sh", environment);
  requireProgram("/bin/sh", {});
  for (const program of ["no-such-program", "/bin/no-such-program", "/etc/passwd", "/bin"])
    assert.throws(() => requireProgram(program, environment), { ...unavailable, hint: /no other source is asked/ });
});

/** Starts a process whose descriptors beyond the standard ones are `more`, which reads passphrases from each of `descriptors`. */
function readInChild(descriptors: readonly number[], more: readonly "pipe"[] = []): ChildProcess {
  const source = JSON.stringify(new URL("./passphrase-sources.ts", import.meta.url).href);
  const text = `const { fromFileDescriptor } = await import(${source});
    for (const descriptor of ${JSON.stringify(descriptors)}) {
      try { console.log(await fromFileDescriptor(descriptor).passphraseFor({ purpose: "new", role: "root", keyId: "", attempt: 1 })); }
      catch (error) { console.log(error.code); }
    }`;
  return spawn(node, ["--input-type=module", "-e", text], { stdio: ["ignore", "pipe", "inherit", ...more] });
}

async function saidBy(child: ChildProcess): Promise<string[]> {
  let said = "";
  for await (const chunk of child.stdout ?? []) said += String(chunk);
  return said.trim().split("\n");
}

test("a descriptor that the caller did not open counts as closed, whatever the runtime uses its number for", async () => {
  const numbers = Array.from({ length: 40 }, (_, index) => index + 3);
  assert.deepEqual(await saidBy(readInChild(numbers)), Array<string>(40).fill("PASSPHRASE_UNAVAILABLE"));
});

test("takes the first line of a pipe, and does not wait for its end", async () => {
  const child = readInChild([3], ["pipe"]);
  const pipe = child.stdio[3];
  assert.ok(pipe instanceof Writable);
  pipe.write("through a pipe\n");
  assert.deepEqual(await saidBy(child), ["through a pipe"]);
});
