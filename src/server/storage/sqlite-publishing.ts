/**
 * Commits large publications in a thread, which has a connection to the file: writing megabytes and waiting for the disk takes a tenth of a
 * second, in which the thread that serves requests could answer a thousand readers. SQLite shows every other connection the old state or the new.
 */

import { setImmediate as nextTurn } from "node:timers/promises";
import { TagsealError } from "../../errors.ts";
import { copiedBytes, type Moved } from "../threads/thread-messages.ts";
import { threadFile, WorkThread, type ThreadEnd } from "../threads/work-thread.ts";
import type { NewPublication } from "./metadata-store.ts";
import { bytesOf } from "./stored-file.ts";

/** Smaller ones take about as long as the message that would bring them to the thread and back. */
const largeBytes = 262_144;

/** The location of the file, and how large it may grow. */
export interface SqlitePlace {
  readonly path: string;
  /** bound on the file's size in pages of 4 KiB */
  readonly maxPages?: number | undefined;
}

/** A publication, and where it goes. */
export interface PublishingTask {
  readonly place: SqlitePlace;
  readonly publication: NewPublication;
}

/** The thread of one store. */
export class SqlitePublishing {
  readonly #place: SqlitePlace;
  readonly #thread: WorkThread<PublishingTask>;

  constructor({ path, maxPages }: SqlitePlace) {
    this.#place = { path, maxPages };
    const file = threadFile(import.meta.url, "sqlite-worker");
    this.#thread = new WorkThread({
      file,
      maxHeapMebibytes: 128,
      patienceMs: 60_000,
      onEnd: (end) => cutOff(path, end),
    });
  }

  /** Whether a publication is for the thread. */
  takes({ files }: NewPublication): boolean {
    return this.#thread.isUsable && bytesOf(files) >= largeBytes;
  }

  /** Publishes as the store does. @throws what `MetadataStore.publish` throws; `STORAGE_FAILED` when the thread ended */
  async publish(publication: NewPublication): Promise<void> {
    // Copies of megabytes take some milliseconds: other requests are answered first.
    await nextTurn();
    await this.#thread.run(() => this.#taskOf(publication));
  }

  #taskOf(publication: NewPublication): Moved<PublishingTask> {
    const files = publication.files.map(({ role, version, sha256, bytes }) => {
      return { role, version, sha256, bytes: copiedBytes(bytes) };
    });
    const memory = files.map(({ bytes }) => bytes.buffer);
    return { value: { place: this.#place, publication: { ...publication, files } }, memory };
  }

  async close(): Promise<void> {
    await this.#thread.close();
  }
}

/** The outcome is uncertain, as with a connection to a database that broke. */
function cutOff(path: string, { reason, cause }: ThreadEnd): TagsealError {
  const why = reason === "time" ? "it takes too long" : "the thread that writes has ended";
  return new TagsealError("STORAGE_FAILED", `Cannot write to ${path}: ${why}`, {
    hint: "Check disk, free space and memory of the server. Readers see the publication whole, or not at all.",
    ...(cause === undefined ? {} : { cause }),
  });
}
