/** What happened, from the flags of `trust recover` or, without them, from a user who is asked. */
import { UsageError } from "../../errors.ts";
import type { Accident } from "../../trust/accidents/accident.ts";
import type { Io } from "../io.ts";
import { roleArgument } from "../rotation/role-argument.ts";

/** The flags that say what happened. */
export interface AccidentFlags {
  readonly lost: readonly string[];
  readonly leaked: readonly string[];
  readonly expired: boolean;
  /** a file, a URI or a key ID */
  readonly spare: string | undefined;
  readonly "without-spare": boolean;
}

/** What happened, and the spare root key for it. */
export interface ToldAccidents {
  readonly accidents: readonly Accident[];
  readonly spare: string | undefined;
}

/**
 * The accidents that the flags name; without any, those that the user names at the terminal.
 *
 * @throws UsageError `USAGE` without flags and without a terminal, or for a role that does not exist; `CANCELLED` without an answer
 */
export async function toldAccidents(flags: AccidentFlags, io: Io): Promise<ToldAccidents> {
  const accidents: Accident[] = [
    ...flags.lost.map((word) => ({ what: "lost", role: roleArgument(word) }) as const),
    ...flags.leaked.map((word) => ({ what: "leaked", role: roleArgument(word) }) as const),
    ...(flags.expired ? [{ what: "expired" } as const] : []),
  ];
  if (accidents.length > 0) return { accidents, spare: flags.spare };
  if (!io.prompter.interactive)
    throw new UsageError("USAGE", "give --lost, --leaked or --expired", {
      hint: "For example: tagseal trust recover --lost root --spare FILE IMAGE. At a terminal you are asked.",
    });
  const accident = await askedAccident(io);
  const asksForSpare = accident.what !== "expired" && accident.role === "root" && !flags["without-spare"];
  const spare = flags.spare ?? (asksForSpare ? await askedSpare(io) : undefined);
  return { accidents: [accident], spare };
}

const menu = `What happened?
  1  the root key is lost, or its passphrase
  2  the repository key is lost
  3  the snapshot key is lost
  4  a signer's key is lost
  5  other people have a key
  6  something has expired
`;

async function askedAccident(io: Io): Promise<Accident> {
  io.prompter.tell(menu);
  const number = await answer(io, "Number: ");
  switch (number) {
    case "1":
      return { what: "lost", role: "root" };
    case "2":
      return { what: "lost", role: "targets" };
    case "3":
      return { what: "lost", role: "snapshot" };
    case "4":
      return { what: "lost", role: roleArgument(await answer(io, "Name of the signer: ")) };
    case "5":
      return {
        what: "leaked",
        role: roleArgument(await answer(io, "Which one (root, targets, snapshot, or the name of a signer): ")),
      };
    case "6":
      return { what: "expired" };
    default:
      throw new UsageError("USAGE", `"${number}" is not one of these numbers`, { hint: "Answer with 1 to 6." });
  }
}

async function askedSpare(io: Io): Promise<string | undefined> {
  const place = await answer(io, "File or URI of the spare root key (empty if there is none): ");
  return place === "" ? undefined : place;
}

async function answer(io: Io, question: string): Promise<string> {
  const line = await io.prompter.ask(question);
  if (line !== undefined) return line.trim();
  throw new UsageError("CANCELLED", "nothing was changed: there was no answer");
}
