/**
 * Opens a file of docker's or podman's configuration, in any format. A missing file has no settings. One that
 * is not a regular file, is too large or cannot be read is an error at once: links are followed, because secrets are mounted as
 * links, but a pipe is never waited for.
 */
import { UsageError } from "../errors.ts";
import { type FoundFile, readLinkedFile } from "../files/read-private-file.ts";
import { isErrno, systemReason } from "../files/system-error.ts";

/** Far larger than any file of logins. */
export const maxSettingsBytes = 4 * 1024 * 1024;
/** Far above any honest certificate or key. */
export const maxPemBytes = 1024 * 1024;

/**
 * Reads a file as text.
 *
 * @returns undefined when there is none, and for a link that leads nowhere
 * @throws UsageError `FILE_UNREADABLE`, without any of the file's content
 */
export function readSettings(path: string, maxBytes = maxSettingsBytes): string | undefined {
  const found = foundAt(path, maxBytes);
  switch (found.kind) {
    case "nothing":
      return undefined;
    case "file":
      return found.bytes.toString("utf8");
    case "too large":
      throw unreadable(path, `${path} is larger than ${maxBytes} bytes`);
    case "no file":
      throw unreadable(path, `${path} is not a file`);
    default:
      return found satisfies never;
  }
}

function foundAt(path: string, maxBytes: number): FoundFile {
  try {
    return readLinkedFile(path, maxBytes);
  } catch (error) {
    throw denied(path, error);
  }
}

/** The error for a file that cannot be inspected, with the system's reason. */
export function denied(path: string, cause: unknown): UsageError {
  return new UsageError("FILE_UNREADABLE", `cannot read ${path}: ${systemReason(cause)}`, {
    cause,
    hint: accessHint(path, cause),
  });
}

function accessHint(path: string, cause: unknown): string {
  if (isErrno(cause, "EACCES", "EPERM")) return permissionHint;
  return isErrno(cause, "ELOOP")
    ? `Correct the links in ${path}, or set HOME or DOCKER_CONFIG to a directory that is yours.`
    : `Correct ${path}, or move it away.`;
}

const permissionHint =
  "Let your account read it; where it is not in your home, set HOME or DOCKER_CONFIG to a directory that is yours.";

/** The error for a file, or a variable, with invalid content. */
export function unreadable(where: string, message: string): UsageError {
  return new UsageError("FILE_UNREADABLE", message, { hint: `Correct ${where}, or move it away.` });
}
