/** Changes that docker and notary staged on this machine and did not publish: shown, published or dropped, always explicitly. */

import { MetadataError, TagsealError, UsageError } from "../../errors.ts";
import { parseStagedChange, type StagedChange } from "../../tuf/notary-v1/staged-change.ts";
import { HeldKeys } from "../publishing/held-keys.ts";
import type { InitialiseResult } from "../publishing/initialise.ts";
import { publishChange } from "../publishing/publish.ts";
import type { TrustContext } from "../trust-context.ts";
import { StagedPublication } from "./staged-publication.ts";

/** One staged file as it is on disk. */
export interface StagedFile {
  /** without its directory; files are applied in the order of their names */
  readonly name: string;
  readonly path: string;
  /** or why it cannot be read */
  readonly content: Uint8Array | { readonly problem: string };
}

/** Where the staged changes of one collection are. */
export interface StagedFiles {
  /** in the order of their names */
  load(): Promise<readonly StagedFile[]>;
  /** Removes files; one that is gone is no error. */
  remove(files: readonly Pick<StagedFile, "path">[]): Promise<void>;
}

/** A staged change, or a file that is not one. */
export interface StagedEntry {
  /** counts from 0, as in notary */
  readonly number: number;
  readonly file: StagedFile;
  readonly change: StagedChange | undefined;
  /** set when there is no change */
  readonly problem?: string;
}

/** The staged changes of a collection, in the order in which they are applied. A damaged one is listed with its problem. */
export async function listStaged(files: StagedFiles): Promise<readonly StagedEntry[]> {
  return (await files.load()).map((file, number) => stagedEntry(file, number));
}

function stagedEntry(file: StagedFile, number: number): StagedEntry {
  const { content } = file;
  if (!(content instanceof Uint8Array)) return { number, file, change: undefined, problem: content.problem };
  try {
    return { number, file, change: parseStagedChange(content) };
  } catch (error) {
    if (!(error instanceof TagsealError)) throw error;
    return { number, file, change: undefined, problem: error.message };
  }
}

/** What {@link publishStaged} did. */
export interface PublishedStaged {
  readonly published: readonly StagedEntry[];
  /** set when this created the collection */
  readonly initialised: InitialiseResult | undefined;
}

/**
 * Publishes all staged changes in one publication, then removes their files. A run that is interrupted between the two publishes them once
 * more, which changes nothing. Creates a collection that was initialised here and not published.
 *
 * @throws MetadataError `METADATA_MALFORMED` when one of them is damaged: none is published then
 * @throws as `publishChange`: all stay staged
 */
export async function publishStaged(context: TrustContext, files: StagedFiles): Promise<PublishedStaged> {
  const entries = await listStaged(files);
  const changes = entries.map(({ change, problem, file }) => change ?? fail(file, problem, context.gun));
  if (changes.length === 0) return { published: [], initialised: undefined };
  const publication = new StagedPublication(changes);
  // They are what is published now: no warning that they are not.
  const quiet = { ...context, stagedChanges: async () => 0 };
  const { initialised } = await publishChange(quiet, new HeldKeys(quiet), publication, { initialise: true });
  await files.remove(entries.map(({ file }) => file));
  return { published: entries, initialised };
}

/**
 * Drops staged changes without publishing them.
 *
 * @param numbers of those to drop, as {@link listStaged} counts; all when empty
 * @throws UsageError `USAGE` for a number that is not there
 */
export async function discardStaged(files: StagedFiles, numbers: readonly number[]): Promise<readonly StagedEntry[]> {
  const entries = await listStaged(files);
  const unknown = numbers.find((number) => !entries.some((entry) => entry.number === number));
  if (unknown !== undefined)
    throw new UsageError(
      "USAGE",
      `there is no staged change ${unknown}: ${entries.length} are staged, counted from 0`,
      {
        hint: "List them first, and give one of those numbers.",
      },
    );
  const dropped = numbers.length === 0 ? entries : entries.filter(({ number }) => numbers.includes(number));
  await files.remove(dropped.map(({ file }) => file));
  return dropped;
}

function fail({ path }: StagedFile, problem: string | undefined, gun: string): never {
  throw new MetadataError("METADATA_MALFORMED", `nothing was published: ${path} is not a staged change: ${problem}`, {
    hint: `Look at all of them, and drop that one: tagseal trust staged ${gun}`,
  });
}
