import type { Io } from "../io.ts";

/** A line on a terminal that is rewritten in place. Call `end` when the work ends, also after a failure. */
export interface CountingProgress {
  readonly show: (text: string) => void;
  readonly end: () => void;
}

const redrawMs = 80;

/** Shows progress; only on a terminal. */
export function countingProgress(io: Io, how: { readonly quiet: boolean }): CountingProgress {
  const isShown = !how.quiet && io.stderr.isTerminal;
  let drawnAt = 0;
  return {
    show: (text) => {
      const now = io.now().getTime();
      if (!isShown || now - drawnAt < redrawMs) return;
      drawnAt = now;
      io.stderr.write(`\r\u001b[K${text}`);
    },
    end: () => {
      if (isShown && drawnAt !== 0) io.stderr.write("\r\u001b[K");
    },
  };
}
