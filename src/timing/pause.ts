import { setTimeout as sleep } from "node:timers/promises";
import { cancelled } from "../errors.ts";

/** Waits, unless the caller gives up. @throws TagsealError `CANCELLED` as soon as the signal fires */
export async function pause(delayMs: number, signal?: AbortSignal): Promise<void> {
  try {
    await sleep(delayMs, undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    throw signal?.aborted === true ? cancelled(signal) : error;
  }
}
