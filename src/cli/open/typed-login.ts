/** The user name and the password of `login`: from flags, from standard input, or from a person. */
import type { UserAndPassword } from "../../docker-config/credentials.ts";
import { UsageError } from "../../errors.ts";
import type { Io } from "../io.ts";

/** What the command line of `login` says. */
export interface LoginFlags {
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly passwordStdin: boolean;
}

/** Longer than any token; a longer input is no password. */
const maxPasswordBytes = 64 * 1024;

/**
 * Finds out who logs in.
 *
 * @throws UsageError `USAGE` in docker's words; TagsealError `CANCELLED`
 */
export async function typedLogin(flags: LoginFlags, io: Io): Promise<{ kind: "basic" } & UserAndPassword> {
  checkFlags(flags, io);
  const given = flags.passwordStdin ? await pipedPassword(io) : flags.password;
  if ((flags.username === undefined || given === undefined) && !io.prompter.interactive)
    throw new UsageError("USAGE", "Cannot perform an interactive login from a non TTY device", {
      hint: "Name the user, and pipe the password in: tagseal login -u USER --password-stdin SERVER",
    });
  const username = flags.username ?? ((await io.prompter.ask("Username: ")) ?? "").trim();
  if (username === "") throw new UsageError("USAGE", "username is empty");
  if (username.includes(":"))
    throw new UsageError("USAGE", "the user name holds a colon", {
      hint: "Name the user alone, and give the password separately.",
    });
  const password = given ?? (await io.prompter.askSecret("Password: ")) ?? "";
  if (password === "") throw new UsageError("USAGE", "password is empty");
  return { kind: "basic", username, password };
}

function checkFlags({ username, password, passwordStdin }: LoginFlags, io: Io): void {
  if (password !== undefined) {
    io.stderr.write("WARNING! Using --password via the CLI is insecure. Use --password-stdin.\n");
    if (passwordStdin)
      throw new UsageError("USAGE", "conflicting options: cannot specify both --password and --password-stdin");
    if (password === "") throw new UsageError("USAGE", "password is empty");
  }
  if (passwordStdin && (username === undefined || username === ""))
    throw new UsageError("USAGE", "the --password-stdin option requires --username to be set");
  if (username === "") throw new UsageError("USAGE", "username is empty");
}

/** As docker: without one line end at its end. */
async function pipedPassword(io: Io): Promise<string> {
  const text = await io.prompter.readAll(maxPasswordBytes);
  if (text === undefined) throw new UsageError("USAGE", `the password is longer than ${maxPasswordBytes} bytes`);
  return text.replace(/\r?\n$/u, "");
}
