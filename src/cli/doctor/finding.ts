/** One finding of `tagseal doctor`. */

/** `problem`: trust is not enforced, or is broken. `warning`: it will be, or is weaker than it could be. `ok`: no problem. */
export type Level = "problem" | "warning" | "ok";

/** The subject of a finding; part of the JSON output, so never renamed. */
export type Subject =
  | "switch"
  | "policy"
  | "engine"
  | "path"
  | "plugin"
  | "configuration"
  | "server"
  | "certificate"
  | "clock"
  | "key"
  | "expiry"
  | "continuous-integration"
  | "compose"
  | "docker-hub"
  | "containerd"
  | "docker-daemon"
  | "gateway"
  | "gateway-engine";

/** One finding. */
export interface Finding {
  readonly subject: Subject;
  readonly level: Level;
  /** one sentence without a full stop */
  readonly message: string;
  /** the command that fixes it, or what to do where there is no such command */
  readonly fix?: string;
}

/** A finding of level `ok`. */
export function ok(subject: Subject, message: string): Finding {
  return { subject, level: "ok", message };
}

/** A finding of level `warning`. */
export function warning(subject: Subject, message: string, fix: string): Finding {
  return { subject, level: "warning", message, fix };
}

/** A finding of level `problem`. */
export function problem(subject: Subject, message: string, fix: string): Finding {
  return { subject, level: "problem", message, fix };
}

/** A path as users write it: with `~` for the home directory, quoted for a shell where needed. */
export function shellPath(path: string, home: string | undefined): string {
  const short = home !== undefined && path.startsWith(`${home}/`) ? `~${path.slice(home.length)}` : path;
  if (/^[\w~./:@%+=,-]+$/u.test(short)) return short;
  return `'${path.replaceAll("'", `'\\''`)}'`;
}
