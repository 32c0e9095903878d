const reasons: ReadonlyMap<string, string> = new Map([
  ["ENOENT", "no such file or directory"],
  ["EACCES", "permission denied"],
  ["EPERM", "operation not permitted"],
  ["EISDIR", "is a directory"],
  ["ENOTDIR", "not a directory"],
  ["EEXIST", "file exists"],
  ["ENOSPC", "no space left on device"],
  ["EROFS", "read-only file system"],
]);

/** What the operating system had against it, in the words every Unix tool uses. */
export function systemReason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  return reasons.get(code) ?? error.message;
}
