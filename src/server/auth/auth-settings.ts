/** How a trust server identifies the caller, and what each user may do. Plain values, as a configuration file can hold them. */

import type { LoginSettings } from "../../login/login-methods.ts";

/** The ways to log in (at least one is required) and the rights of the users who logged in. */
export interface AuthSettings extends LoginSettings {
  /** every client may read every collection without logging in; false when absent */
  readonly anonymousPull?: boolean | undefined;
  /** what users may do. Required with `basic` and `mtls`, where only the rules allow anything */
  readonly rules?: readonly AccessRule[] | undefined;
  /** users by group, for `rules` */
  readonly groups?: Readonly<Record<string, readonly string[]>> | undefined;
  /** health and metrics require a login too, of any user. False when absent */
  readonly protectMonitoring?: boolean | undefined;
}

/** What some users may do with some collections. Rules add up. */
export interface AccessRule {
  /** a name with a final slash for everything below it, a name without for exactly this collection, `*` for all */
  readonly prefix: string;
  /** `*` for all users who have logged in */
  readonly users?: readonly string[] | undefined;
  readonly groups?: readonly string[] | undefined;
  readonly actions: readonly RuleAction[];
}

/** `push` also needs `pull`; `*` is both, rotation and deletion, and under the prefix `*` the changefeed of all collections. */
export type RuleAction = "pull" | "push" | "*";
