/** Errors on their way from one thread to another, with what callers branch on: code, class, kind of refusal, causes. */

import {
  EncodingError,
  KeyStoreError,
  MetadataError,
  TagsealError,
  type ErrorCode,
  type ErrorDetails,
} from "../../errors.ts";
import { type RefusalKind, UpdateRefused } from "../../tuf/update-refused.ts";

/** An error as a message can have it. */
export interface CarriedError {
  readonly message: string;
  readonly stack: string | undefined;
  readonly cause: CarriedError | undefined;
  /** absent for an error that was not raised on purpose */
  readonly raised?: RaisedError;
  /** the number of the question whose answer it was: the thread that answered has the error itself */
  readonly question?: number;
}

interface RaisedError {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly family: keyof typeof families | undefined;
  readonly refusal: { readonly kind: RefusalKind; readonly missing: string | undefined } | undefined;
}

/** By names that bundles do not change, as they change those of classes. */
const families = { encoding: EncodingError, metadata: MetadataError, keys: KeyStoreError } as const;
/** More causes of causes than any error has. */
const maxCauses = 16;

/** Describes an error. @param questionOf the number of the question that an error answered, if it did */
export function carried(
  error: unknown,
  questionOf: (error: Error) => number | undefined = () => undefined,
  depth = 0,
): CarriedError {
  if (!(error instanceof Error)) return { message: String(error), stack: undefined, cause: undefined };
  const { message, stack } = error;
  const hasCause = error.cause !== undefined && depth < maxCauses;
  const cause = hasCause ? carried(error.cause, questionOf, depth + 1) : undefined;
  const question = questionOf(error);
  return {
    message,
    stack,
    cause,
    ...(error instanceof TagsealError ? { raised: raisedOf(error) } : {}),
    ...(question === undefined ? {} : { question }),
  };
}

/** The error again. @param known errors that are in this thread, by the number of the question they answered */
export function revived(error: CarriedError, known: ReadonlyMap<number, unknown> = new Map()): unknown {
  if (error.question !== undefined && known.has(error.question)) return known.get(error.question);
  const cause = error.cause === undefined ? undefined : revived(error.cause, known);
  const { message, stack, raised } = error;
  const made = raised === undefined ? new Error(message, { cause }) : raisedAgain(message, raised, cause);
  if (stack !== undefined) made.stack = stack;
  return made;
}

function raisedOf(error: TagsealError): RaisedError {
  const { code, hint } = error;
  const isRefusal = error instanceof UpdateRefused;
  return {
    code,
    hint,
    family: (["encoding", "metadata", "keys"] as const).find((name) => error instanceof families[name]),
    refusal: isRefusal ? { kind: error.kind, missing: error.missing } : undefined,
  };
}

function raisedAgain(message: string, { code, hint, family, refusal }: RaisedError, cause: unknown): TagsealError {
  const details: ErrorDetails = { cause, ...(hint === undefined ? {} : { hint }) };
  if (refusal !== undefined) {
    const missing = refusal.missing === undefined ? {} : { missing: refusal.missing };
    return new UpdateRefused(refusal.kind, message, { ...details, ...missing });
  }
  const Family = family === undefined ? TagsealError : families[family];
  return new Family(code, message, details);
}
