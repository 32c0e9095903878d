import type { Io } from "../io.ts";

/**
 * Has what runs read its files again at every SIGHUP. When that fails the reason goes to the log, and what was valid stays valid.
 *
 * @param log takes one line, without its end
 * @returns ends it
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
