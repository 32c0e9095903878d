/** What the server starts in threads, below `src/`: each is a file of the build, because a thread is started from a file. */
export const threads: readonly string[] = [
  "login/password-worker.ts",
  "server/checking/upload-worker.ts",
  "server/storage/sqlite-worker.ts",
];
