import { pause } from "../timing/pause.ts";
import { isTemporary } from "./registry-error.ts";

/** How often and with which pauses an operation is repeated. */
export interface RetryOptions {
  readonly signal: AbortSignal | undefined;
  /** tries in all (4) */
  readonly attempts?: number;
  /** first pause in milliseconds (250); doubled each time, with jitter */
  readonly pauseMs?: number;
}

/** Runs `operation` again after temporary failures; the last failure is thrown as it is. */
export async function retrying<Result>(operation: () => Promise<Result>, options: RetryOptions): Promise<Result> {
  const { signal, attempts = 4, pauseMs = 250 } = options;
  for (let attempt = 1; ; attempt++) {
    try {
      return await operation();
    } catch (error) {
      if (attempt >= attempts || !isTemporary(error)) throw error;
      await pause(pauseMs * 2 ** (attempt - 1) * (0.5 + Math.random() / 2), signal);
    }
  }
}
