import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { captured } from "../captured-io.ts";
import type { Prompter } from "../io.ts";
import { type LoginFlags, typedLogin } from "./typed-login.ts";

const nothing: LoginFlags = { username: undefined, password: undefined, passwordStdin: false };

/** Who logs in with these flags, where `prompter` answers; the password after a colon. */
async function who(flags: Partial<LoginFlags>, prompter: Partial<Prompter> = {}): Promise<string> {
  const { io } = captured({ env: {}, now: () => new Date() });
  const { username, password } = await typedLogin(
    { ...nothing, ...flags },
    { ...io, prompter: { ...io.prompter, ...prompter } },
  );
  return `${username}:${password}`;
}

describe("the user and the password of a login", () => {
  it("come from flags and standard input, of which one line end does not count", async () => {
    for (const [text, password] of [
      ["secret", "secret"],
      ["secret\n", "secret"],
      ["secret\r\n", "secret"],
      ["secret\n\n", "secret\n"],
      [" se cret \n", " se cret "],
    ] as const)
      assert.equal(
        await who({ username: "bob", passwordStdin: true }, { readAll: async () => text }),
        `bob:${password}`,
      );
  });

  it("come from a person for what flags do not say", async () => {
    const person = { interactive: true, ask: async () => " bob ", askSecret: async () => "secret" };
    assert.equal(await who({}, person), "bob:secret");
    assert.equal(await who({ username: "ann" }, person), "ann:secret");
  });

  it("I1: are refused when they are empty, too long, or cannot be shown to a registry", async () => {
    for (const [flags, prompter, message] of [
      [{ username: "bob", passwordStdin: true }, { readAll: async () => undefined }, /longer than 65536 bytes/u],
      [{ username: "bob", passwordStdin: true }, { readAll: async () => "\n" }, /^password is empty$/u],
      [{ username: "bob", password: "" }, {}, /^password is empty$/u],
      [{ username: "b:ob", password: "x" }, {}, /the user name holds a colon/u],
      [{}, { interactive: true, ask: async () => undefined }, /^username is empty$/u],
      [{ username: "bob" }, { interactive: true, askSecret: async () => undefined }, /^password is empty$/u],
    ] as const)
      await assert.rejects(who(flags, prompter), { code: "USAGE", message });
  });
});
