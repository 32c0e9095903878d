/** `trust key backup` and `trust key restore`: keys in one file, and back, also in shares. */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { modeOf } from "../support/file-mode.ts";
import { captured } from "../../src/cli/captured-io.ts";
import type { Io } from "../../src/cli/io.ts";
import { PrivateKey } from "../../src/crypto/private-key.ts";
import { writeLink } from "../../src/keys/linked/linked-key-file.ts";
import { main } from "../../src/cli/main.ts";
import { Scope } from "../support/processes.ts";

const scope = new Scope("key-backup");
after(() => scope.close());
const keyPassphrase = "passphrase of keys";

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command as a user with a configuration directory. */
async function as(user: string, argv: readonly string[], more: Partial<Io> = {}): Promise<Outcome> {
  const env = {
    DOCKER_CONFIG: scope.path(user),
    DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: keyPassphrase,
    ...more.env,
  };
  const { io, stdout, stderr } = captured({ now: () => new Date("2026-11-29T10:00:00Z"), ...more, env });
  const code = await main(["trust", "key", ...argv], io);
  return { code, stdout: stdout(), stderr: stderr() };
}

async function ok(user: string, argv: readonly string[], more: Partial<Io> = {}): Promise<Outcome> {
  const outcome = await as(user, argv, more);
  assert.equal(outcome.code, 0, outcome.stdout + outcome.stderr);
  return outcome;
}

async function refused(user: string, code: string, argv: readonly string[], more: Partial<Io> = {}): Promise<string> {
  const outcome = await as(user, argv, more);
  assert.equal(outcome.code, 1, outcome.stdout);
  assert.match(outcome.stderr, new RegExp(`\\[${code}\\]\\n$`, "u"));
  return outcome.stderr;
}

/** A person who types lines; `shown` is what the person saw. */
function typing(...lines: readonly string[]) {
  const rest = [...lines];
  let shown = "";
  const answer = async (prompt: string): Promise<string | undefined> => {
    shown += prompt;
    return rest.shift();
  };
  const tell = (text: string): void => {
    shown += text;
  };
  const prompter = { interactive: true, ask: answer, askSecret: answer, tell, readAll: async () => undefined };
  return { prompter, shown: () => shown, unused: rest };
}

function keyIds(user: string): string[] {
  return readdirSync(scope.path(join(user, "trust", "private"))).toSorted();
}

describe("a backup of keys", () => {
  let identity: { readonly path: string; readonly recipient: string };
  const at = (name: string) => scope.path(name);
  const page = (number: number) => at(join("pages", `share-${number}-of-5.txt`));
  const share = (...numbers: readonly number[]) => numbers.flatMap((number) => ["--share", page(number)]);

  before(async () => {
    const { generateX25519Identity, identityToRecipient } = await import("age-encryption");
    const secret = await generateX25519Identity();
    identity = { path: at("identity.txt"), recipient: await identityToRecipient(secret) };
    writeFileSync(identity.path, `# created: today\n# public key: ${identity.recipient}\n${secret}\n`);
    for (const name of ["alice", "bob"]) await ok("owner", ["generate", "--dir", scope.directory, name]);
    await ok("owner", [
      "backup",
      "--to",
      at("shared.age"),
      "--with-passphrase",
      "--shares",
      "3/5",
      "--shares-to",
      at("pages"),
    ]);
    await ok("owner", ["backup", "--to", at("recipient.age"), "--armor", "-r", identity.recipient]);
  });

  it("for a passphrase is opened again, listed beside without a secret, and restored", async () => {
    const env = { TAGSEAL_BACKUP_PASSPHRASE: "passphrase of backup" };
    const made = await ok("owner", ["backup", "--to", at("keys.age")], { env });
    assert.match(made.stdout, /keys\.age: 2 keys\. It was opened again and holds them\.\nOpens with a passphrase\.\n/u);
    assert.match(made.stdout, /The passphrases of the keys are not in it/u);
    for (const file of ["keys.age", "keys.age.txt"]) assert.equal(modeOf(at(file)), 0o600);
    const list = readFileSync(at("keys.age.txt"), "utf8");
    for (const name of keyIds("owner")) assert.ok(list.includes(`Key: ${name.slice(0, 64)} `));
    assert.doesNotMatch(list, /passphrase of|BEGIN|AGE-SECRET/u);
    const { stdout } = await ok("newcomer", ["restore", at("keys.age")], { env });
    assert.match(stdout, /(?:(?:alice|bob) {5,}added\n.*){2}Added 2 keys\.\n/u);
    assert.deepEqual(keyIds("newcomer"), keyIds("owner"));
    const wrong = { TAGSEAL_BACKUP_PASSPHRASE: "another" };
    const said = await refused("newcomer", "PASSPHRASE_WRONG", ["restore", at("keys.age")], { env: wrong });
    assert.match(
      said,
      /^Wrong passphrase for the key backup: the one in TAGSEAL_BACKUP_PASSPHRASE does not open it\n/u,
    );
  });

  it("asks for a new passphrase twice, and never takes that of the keys", async () => {
    const once = typing("short", "long enough", "long enuogh", "different 1", "different 2");
    await refused("owner", "PASSPHRASE_WRONG", ["backup", "--to", at("unmade.age")], { prompter: once.prompter });
    assert.match(once.shown(), /^Enter passphrase for new key backup: Passphrase is too short/u);
    await refused("owner", "PASSPHRASE_UNAVAILABLE", ["backup", "--to", at("unmade.age")]);
    assert.ok(!readdirSync(scope.directory).some((name) => name.startsWith("unmade")));
  });

  it("for recipients is opened by the identity of each, and by no one without it", async () => {
    await refused("reader", "BACKUP_LOCKED", ["restore", at("recipient.age")]);
    await ok("reader", ["restore", "-i", identity.path, at("recipient.age"), "--dry-run"]);
    await ok("reader", ["restore", "-i", identity.path, at("recipient.age")]);
    assert.deepEqual(keyIds("reader"), keyIds("owner"));
    const again = await ok("reader", ["restore", "--json", "-i", identity.path, at("recipient.age")]);
    const { keys } = JSON.parse(again.stdout) as { keys: { result: string }[] };
    assert.deepEqual(
      keys.map(({ result }) => result),
      ["here", "here"],
    );
    const proven = ["backup", "--to", at("proven.age"), "--recipient", identity.recipient, "--identity", identity.path];
    assert.match((await ok("owner", proven)).stdout, /opened again/u);
    writeFileSync(at("recipients.txt"), `# of the team\n\n${identity.recipient}\n`);
    const other = await ok("owner", ["backup", "--to", at("team.age"), "--recipients-file", at("recipients.txt")]);
    assert.match(other.stdout, /Its identity is not here/u);
    await ok("reader", ["restore", "--identity", identity.path, at("team.age")]);
  });

  it("is not opened by things that are no identities, which are not shown", async () => {
    const plugin = at("plugin.txt");
    writeFileSync(plugin, "AGE-PLUGIN-YUBIKEY-1SECRET\n");
    const said = await refused("reader", "USAGE", ["restore", "-i", plugin, at("recipient.age")]);
    assert.match(said, /hint: Open the backup with age: age --decrypt/u);
    writeFileSync(plugin, "age-encryption.org/v1\n-> scrypt SECRET 18\n");
    assert.match(await refused("reader", "USAGE", ["restore", "-i", plugin, at("recipient.age")]), /encrypted itself/u);
    writeFileSync(plugin, "AGE-SECRET-KEY-1SECRET and more\n");
    assert.doesNotMatch(
      await refused("reader", "USAGE", ["restore", "-i", plugin, at("recipient.age")]),
      /SECRET and/u,
    );
    await refused("reader", "FILE_UNREADABLE", ["restore", "-i", at("absent"), at("recipient.age")]);
  });

  it("is never overwritten unless forced, and its list neither", async () => {
    const before = readFileSync(at("recipient.age"));
    const argv = ["backup", "--to", at("recipient.age"), "-r", identity.recipient];
    assert.match(await refused("owner", "FILE_UNWRITABLE", argv), /recipient\.age exists, and is not overwritten/u);
    writeFileSync(at("lonely.age.txt"), "mine");
    await refused("owner", "FILE_UNWRITABLE", ["backup", "--to", at("lonely.age"), "-r", identity.recipient]);
    assert.deepEqual(readFileSync(at("recipient.age")), before);
    await ok("owner", [...argv, "--force", "--armor"]);
    assert.notDeepEqual(readFileSync(at("recipient.age")), before);
    assert.match(readFileSync(at("recipient.age"), "utf8"), /^-----BEGIN AGE ENCRYPTED FILE-----\n/u);
  });

  it("is listed without being opened, as long as the list is that of the file", async () => {
    const { stdout, stderr } = await ok("stranger", ["backup", "--list", at("shared.age")]);
    assert.match(
      stdout,
      /(?:(?:alice|bob).*\n.*){2}Made 2026-11-29T10:00:00\.000Z; opens with 3 of the 5 shares of set /u,
    );
    assert.match(stderr, /not signed/u);
    const listed = JSON.parse(
      (await ok("stranger", ["backup", "--json", "--list", at("shared.age")])).stdout,
    ) as object;
    assert.deepEqual(Object.keys(listed), ["made", "sha256", "opensWith", "bringsPassphrase", "keys", "notContained"]);
    writeFileSync(at("other.age"), readFileSync(at("recipient.age")));
    writeFileSync(at("other.age.txt"), readFileSync(at("shared.age.txt")));
    await refused("stranger", "BACKUP_MALFORMED", ["backup", "--list", at("other.age")]);
    await refused("stranger", "FILE_UNREADABLE", ["backup", "--list", at("identity.txt")]);
  });

  it("of chosen keys holds these: by ID, by its beginning, by repository", async () => {
    const [first = ""] = keyIds("owner");
    const argv = (to: string, ...more: readonly string[]) => [
      "backup",
      "--json",
      "--to",
      at(to),
      "-r",
      identity.recipient,
      ...more,
    ];
    const { stdout } = await ok("owner", argv("one.age", first.slice(0, 7)));
    assert.deepEqual(
      (JSON.parse(stdout) as { keys: { keyId: string }[] }).keys.map(({ keyId }) => keyId),
      [first.slice(0, 64)],
    );
    await refused("owner", "KEY_NOT_FOUND", argv("none.age", "0".repeat(64)));
    await refused("owner", "KEY_NOT_FOUND", argv("none.age", "--gun", "unknown/app"));
    await refused("owner", "USAGE", argv("none.age", first.slice(0, 6)));
    const chosen = ["restore", "-i", identity.path, at("recipient.age"), first.slice(0, 64)];
    await ok("chooser", chosen);
    assert.deepEqual(keyIds("chooser"), [first]);
    await refused("chooser", "KEY_NOT_FOUND", [...chosen, "f".repeat(64)]);
  });

  it("does not hold keys that are kept in tokens, and says so", async () => {
    const { publicKey } = PrivateKey.generate("ecdsa");
    const links = scope.path(join("holder", "trust", "tagseal", "linked-keys"));
    mkdirSync(links, { recursive: true, mode: 0o700 });
    const uri = "pkcs11:token=release;object=root";
    await writeLink(join(links, `${publicKey.keyId}.json`), { uri, role: "root", gun: undefined, publicKey });
    await ok("holder", ["generate", "--dir", at("holder"), "carol"]);
    const { stdout } = await ok("holder", ["backup", "--to", at("partial.age"), "-r", identity.recipient]);
    const line = `Not contained: ${publicKey.keyId} root (${uri})\n`;
    assert.ok(stdout.includes(line), stdout);
    assert.ok(readFileSync(at("partial.age.txt"), "utf8").includes(line));
  });

  it("opened by age before is restored from standard input", async () => {
    const { openAge, parseAge } = await import("../../src/keys/backup/age-file.ts");
    const secret = readFileSync(identity.path, "utf8").split("\n")[2] ?? "";
    const file = (await parseAge(readFileSync(at("recipient.age")))) ?? assert.fail();
    for (const text of [await openAge(file, { identities: [secret] }), readFileSync(at("recipient.age"), "utf8")]) {
      const prompter = { ...typing().prompter, readAll: async () => text };
      await ok("piper", ["restore", "-", "-i", identity.path], { prompter });
    }
    assert.deepEqual(keyIds("piper"), keyIds("owner"));
    const prompter = { ...typing().prompter, readAll: async () => "hello" };
    await refused("piper", "BACKUP_MALFORMED", ["restore", "-"], { prompter });
  });

  it("a key that is here for another role is reported, and the others are restored", async () => {
    await ok("mixed", ["restore", "-i", identity.path, at("recipient.age")]);
    const [first = "", second = ""] = keyIds("mixed");
    const path = scope.path(join("mixed", "trust", "private", first));
    const changed = readFileSync(path, "utf8").replace(/^role: .*$/mu, "role: root");
    writeFileSync(path, changed);
    const { rm } = await import("node:fs/promises");
    await rm(scope.path(join("mixed", "trust", "private", second)));
    const outcome = await as("mixed", ["restore", "-i", identity.path, at("recipient.age")]);
    assert.equal(outcome.code, 1);
    assert.match(outcome.stdout, /not added\n/u);
    assert.match(outcome.stdout, /Added 1 key\.\n/u);
    assert.match(outcome.stderr, /is kept for (?:alice|bob) in the backup and for root here.*\n.*\[KEY_EXISTS\]/u);
    assert.equal(readFileSync(path, "utf8"), changed);
    assert.equal(keyIds("mixed").length, 2);
  });

  describe("in shares", () => {
    it("is restored by three of the five, whichever, without the passphrases of its keys", async () => {
      await ok("three", ["restore", at("shared.age"), ...share(5, 1, 3)]);
      assert.deepEqual(keyIds("three"), keyIds("owner"));
      await ok("all", ["restore", at("shared.age"), ...share(1, 2, 3, 4, 5)]);
    });

    it("is not opened by two of them", async () => {
      const said = await refused("two", "SHARES_TOO_FEW", ["restore", at("shared.age"), ...share(2, 4)]);
      assert.match(said, /^3 shares are needed, and only shares 2, 4 are here\n/u);
    });

    it("names a corrupted share, and does without it when there are enough others", async () => {
      const damaged = at("damaged.txt");
      const text = readFileSync(page(2), "utf8");
      writeFileSync(
        damaged,
        text.replace(/(?<=TAGSEALSHARE1\n.{4}\S* )./u, (letter) => (letter === "Q" ? "P" : "Q")),
      );
      const given = ["--share", damaged];
      const said = await refused("damaged", "SHARE_INVALID", ["restore", at("shared.age"), ...given, ...share(1, 3)]);
      assert.match(said, /damaged\.txt has a typing error: look at group \d+\n/u);
      const { stderr } = await ok("damaged", ["restore", at("shared.age"), ...given, ...share(1, 3, 4)]);
      assert.match(stderr, /^warning: .*damaged\.txt has a typing error: look at group \d+; it is left out\n$/u);
    });

    it("names a share of another set, and says when all shares are of another backup", async () => {
      const other = ["backup", "--to", at("other-set.age"), "--shares", "2/2", "--shares-to", at("other-pages")];
      await ok("owner", other);
      const foreign = at(join("other-pages", "share-1-of-2.txt"));
      const mixed = ["restore", at("shared.age"), ...share(1, 2), "--share", foreign];
      assert.match(
        await refused("mix", "SHARE_INVALID", mixed),
        /share-1-of-2\.txt is of set .*, .*share-1-of-5\.txt of set /u,
      );
      const wrong = ["restore", at("shared.age"), "--share", foreign, "--share", foreign.replace("1-of", "2-of")];
      assert.match(await refused("mix", "BACKUP_LOCKED", wrong), /^The shares of set .* do not open this backup/u);
      assert.match(
        await refused("mix", "SHARE_INVALID", ["restore", at("shared.age"), ...share(1, 1, 2)]),
        /is share 1, as is/u,
      );
    });

    it("are typed line by line without echo, in one line, and again after an error", async () => {
      const linesOf = (number: number) =>
        /TAGSEALSHARE1[\s\S]*?\n\n/u
          .exec(readFileSync(page(number), "utf8"))?.[0]
          .trim()
          .split("\n") ?? assert.fail();
      const inOneLine = linesOf(4).join(" ").toLowerCase();
      const wrong = inOneLine.slice(0, -1) + (inOneLine.endsWith("q") ? "p" : "q");
      const person = typing(...linesOf(2), wrong, inOneLine, ...linesOf(2), linesOf(5).join(""));
      await ok("typist", ["restore", "--shares", at("shared.age")], { prompter: person.prompter });
      assert.deepEqual(person.unused, []);
      assert.deepEqual(keyIds("typist"), keyIds("owner"));
      assert.match(
        person.shown(),
        /Share 2 of 5, set .{11}, is right\. 2 more\.\n[\s\S]*Share 5 of 5.*That is enough\.\n$/u,
      );
      assert.ok(!person.shown().includes(linesOf(2)[1]?.trim() ?? ""));
      const giving = typing(...linesOf(1), "");
      await refused("typist", "SHARE_INVALID", ["restore", "--shares", at("shared.age")], {
        prompter: { ...giving.prompter, interactive: false },
      });
      await refused("typist", "SHARES_TOO_FEW", ["restore", "--shares", at("shared.age")]);
    });

    it("give the identity for age itself, and only to a new file of its owner", async () => {
      const to = at("joined.txt");
      await ok("three", ["restore", at("shared.age"), ...share(1, 2, 3), "--identity-to", to]);
      assert.equal(modeOf(to), 0o600);
      assert.match(readFileSync(to, "utf8"), /^# .*\nAGE-SECRET-KEY-1[0-9A-Z]+\n$/u);
      await ok("joined", ["restore", "-i", to, at("shared.age")]);
      await refused("three", "FILE_UNWRITABLE", ["restore", at("shared.age"), ...share(1, 2, 3), "--identity-to", to]);
      await refused("three", "USAGE", ["restore", at("shared.age"), "--identity-to", at("x")]);
    });

    it("go to files of their owner, each to a page, or to none", async () => {
      for (const number of [1, 2, 3, 4, 5]) assert.equal(modeOf(page(number)), 0o600);
      assert.equal(modeOf(at("pages")), 0o700);
      mkdirSync(at("occupied"));
      writeFileSync(at(join("occupied", "share-2-of-3.svg")), "mine");
      const argv = ["backup", "--to", at("no.age"), "--shares", "2/3", "--qr-to", at("occupied")];
      await refused("owner", "FILE_UNWRITABLE", argv);
      assert.deepEqual(readdirSync(at("occupied")), ["share-2-of-3.svg"]);
      assert.ok(!readdirSync(scope.directory).includes("no.age"));
    });

    it("are shown on a screen that keeps nothing, before the backup is written", async () => {
      const person = typing("", "");
      const screen = { write: () => assert.fail("no share goes to standard output"), isTerminal: true, columns: 80 };
      let printed = "";
      const stdout = { ...screen, write: (text: string) => void (printed += text) };
      await ok("owner", ["backup", "--to", at("shown.age"), "--shares", "2/2"], { prompter: person.prompter, stdout });
      const shown = person.shown().replaceAll("\u001b", "ESC");
      assert.match(shown, /^ESC\[\?1049hESC\[2JESC\[HShare 1 of 2[\s\S]*ESC\[3JESC\[HESC\[\?1049l$/u);
      assert.equal(person.shown().split("\u001b[2J\u001b[3J").length, 4);
      assert.doesNotMatch(printed, /TAGSEALSHARE/u);
      const leaving = { ...person.prompter, ask: async () => assert.fail("the person left") };
      assert.notEqual(
        (await as("owner", ["backup", "--to", at("left.age"), "--shares", "2/2"], { prompter: leaving, stdout })).code,
        0,
      );
      assert.ok(!readdirSync(scope.directory).includes("left.age"));
    });

    it("go to a pipe as pages, and the report beside them", async () => {
      const { stdout, stderr } = await ok("owner", ["backup", "--to", at("piped.age"), "--shares", "2/3"]);
      assert.equal(stdout.split("\f").length, 3);
      assert.match(stderr, /piped\.age: 2 keys/u);
      await refused("owner", "USAGE", ["backup", "--json", "--to", at("no.age"), "--shares", "2/3"]);
    });

    it("have sensible numbers", async () => {
      for (const shares of ["1/3", "4/3", "3/17", "3", "a/b", "3/5/7"])
        await refused("owner", "USAGE", ["backup", "--to", at("no.age"), "--shares", shares, "--shares-to", at("no")]);
      await refused("owner", "USAGE", ["backup", "--to", at("no.age"), "--shares-to", at("no")]);
    });
  });
});
