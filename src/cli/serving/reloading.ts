import type { Io } from "../io.ts";

/**
 * Reloads a running server's files at every SIGHUP. If that fails, the reason goes to the log, and the old files stay in effect.
 *
 * @param log takes one line, without its end
 * @returns a function that stops it
 */
export function reloadOnSignal(io: Io, running: { reload(): Promise<void> }, log: (line: string) => void): () => void {
  const reload = async (): Promise<void> => {
    try {
      await running.reload();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      log(JSON.stringify({ time: io.now().toISOString(), level: "error", event: "cannot reload", error: reason }));
    }
  };
  return io.onReload?.(() => void reload()) ?? (() => {});
}
