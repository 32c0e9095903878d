import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { Readable } from "node:stream";

/** The bytes that the headers of an answer may have. */
export const maxHeaderBytes = 64 * 1024;

/** The head of an answer, and its body, not read yet. */
export interface Answer {
  readonly statusCode?: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: UnreadBody;
}

/** A body, as each runtime has it. */
export interface UnreadBody {
  /** Whether its end was reached. */
  readonly isRead: boolean;
  /** The next bytes; undefined at the end. @throws what cut it off, or what `end` was given */
  next(): Promise<Uint8Array | undefined>;
  /** Ends it, and its connection, before all was read. @param error what `next` throws from now on */
  end(error?: Error): void;
}

/** An answer as `node:http` gives it. */
export function answerOf(message: IncomingMessage): Answer {
  return { statusCode: message.statusCode, headers: message.headers, body: bodyOf(message) };
}

/** A stream as a body. */
export function bodyOf(stream: Readable): UnreadBody {
  let chunks: AsyncIterator<Uint8Array> | undefined;
  let failure: Error | undefined;
  return {
    get isRead() {
      return stream.readableEnded;
    },
    async next() {
      if (failure !== undefined) throw failure;
      chunks ??= stream.iterator({ destroyOnReturn: false });
      try {
        const next = await chunks.next();
        return next.done === true ? undefined : next.value;
      } catch (error) {
        throw failure ?? error;
      }
    },
    end(error) {
      failure ??= error;
      // It is for who calls `next`, and a stream that nobody reads would throw it into the program.
      stream.once("error", () => undefined);
      stream.destroy(error);
    },
  };
}

/** All bytes of a body. @throws as `UnreadBody.next` */
export async function* chunksOf(body: UnreadBody): AsyncGenerator<Uint8Array, void> {
  for (let chunk = await body.next(); chunk !== undefined; chunk = await body.next()) yield chunk;
}
