import type { ErrorCode } from "../../errors.ts";

/** One current or coming problem. */
export interface Finding {
  readonly code: ErrorCode;
  /** names what it is about: a file, a setting */
  readonly message: string;
}

/** What a check found. Problems keep something from working; warnings do not, or not yet. */
export interface Findings<F extends Finding = Finding> {
  readonly problems: readonly F[];
  readonly warnings: readonly F[];
}
