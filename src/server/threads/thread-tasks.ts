/** The inside of a work thread: does one task after the other, and may ask the thread that serves requests meanwhile. */

import { parentPort } from "node:worker_threads";
import { carried, revived } from "./carried-error.ts";
import type { FromThread, Moved, Outcome, ToThread } from "./thread-messages.ts";

/** Asks the thread that serves requests. */
export type Ask = (question: unknown) => Promise<unknown>;

/** Serves tasks for as long as the thread lives. @param work its errors go back as they are */
export function serveTasks(work: (task: unknown, ask: Ask) => Promise<Moved<unknown>>): void {
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  const questions = new WeakMap<Error, number>();
  let lastQuestion = 0;

  const ask: Ask = (asked) => {
    const question = (lastQuestion += 1);
    const answer = Promise.withResolvers<unknown>();
    waiting.set(question, answer);
    send({ question, asked });
    return answer.promise;
  };

  const settle = (question: number, outcome: Outcome): void => {
    const answer = waiting.get(question);
    waiting.delete(question);
    if ("value" in outcome) return answer?.resolve(outcome.value);
    const error = revived(outcome.error);
    if (error instanceof Error) questions.set(error, question);
    return answer?.reject(error);
  };

  const perform = async (task: unknown): Promise<void> => {
    try {
      const { value, memory } = await work(task, ask);
      send({ done: true, value }, memory);
    } catch (error) {
      send({ done: true, error: carried(error, (found) => questions.get(found)) });
    }
  };

  parentPort?.on("message", (message: ToThread<unknown>) => {
    if ("task" in message) void perform(message.task);
    else settle(message.question, message);
  });
  send({ ready: true });
}

function send(message: FromThread, memory: readonly ArrayBuffer[] = []): void {
  parentPort?.postMessage(message, [...new Set(memory)]);
}
