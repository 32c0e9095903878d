/** What a work thread and the thread that serves requests send each other. */

import type { CarriedError } from "./carried-error.ts";

/** To the work thread. */
export type ToThread<Task> = { readonly task: Task } | ({ readonly question: number } & Outcome);

/** From the work thread. Once it has loaded its code it is ready. */
export type FromThread =
  | { readonly ready: true }
  | { readonly question: number; readonly asked: unknown }
  | ({ readonly done: true } & Outcome);

/** How a task or a question ended. */
export type Outcome = { readonly value: unknown } | { readonly error: CarriedError };

/** A value, and the memory in it that moves to the other thread instead of being copied. */
export interface Moved<T> {
  readonly value: T;
  readonly memory: readonly ArrayBuffer[];
}

/**
 * Bytes that are the whole of their memory, which can move. What shares its memory is copied: the rest of it is needed here, or is none of the other
 * thread's business.
 */
export function ownBytes(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer } = bytes;
  return buffer instanceof ArrayBuffer && buffer.byteLength === bytes.byteLength
    ? new Uint8Array(buffer)
    : new Uint8Array(bytes);
}

/** Gives the memory of bytes back at once: a thread that allocates little else collects its garbage late. */
export function release(bytes: Uint8Array): void {
  if (bytes.buffer instanceof ArrayBuffer) bytes.buffer.transfer(0);
}

/** As {@link ownBytes}, and always a copy: for bytes that are still needed here. */
export function copiedBytes(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes);
}
