/**
 * Checks uploads: small ones at once, large ones in a thread, so that no other client waits for them. It is the same check in both places, and no
 * upload is accepted without it: one whose thread ends is refused, and not tried again on the thread that serves requests.
 */

import { setImmediate as nextTurn } from "node:timers/promises";
import { TagsealError } from "../../errors.ts";
import { threadFile, WorkThread, type ThreadEnd, type WorkThreadOptions } from "../threads/work-thread.ts";
import { weightOf } from "./check-weight.ts";
import { type CheckedUpload, checkUpload, type UploadCheck } from "./checked-upload.ts";
import { answerAbout, taskOf, type UploadQuestion, type UploadTask } from "./upload-questions.ts";

/** From here on a check takes some 15 ms. Bytes, sent and stored together. */
const largeBytes = 262_144;

/** How the thread is bounded; tests use other values. */
export type CheckBounds = Partial<Pick<WorkThreadOptions, "file" | "maxHeapMebibytes" | "patienceMs">>;

/** Checks the uploads of one server. */
export class UploadChecks {
  readonly #thread: WorkThread<UploadTask>;

  constructor(bounds: CheckBounds = {}) {
    this.#thread = new WorkThread({
      file: threadFile(import.meta.url, "upload-worker"),
      maxHeapMebibytes: 768,
      patienceMs: 60_000,
      onEnd: unchecked,
      ...bounds,
    });
  }

  /** Counts for the metrics: uploads checked in the thread, and threads that ended in the middle of one. */
  get counts(): { readonly done: number; readonly ended: number } {
    return this.#thread.counts;
  }

  /**
   * Checks an upload.
   *
   * @throws what `validateUpdate` throws
   * @throws TagsealError `UPLOAD_TOO_COSTLY`, `UPLOAD_UNCHECKED` when the thread ended
   */
  async check(upload: UploadCheck): Promise<CheckedUpload> {
    if (!this.#thread.isUsable || (await weightOf(upload, largeBytes)) < largeBytes) return await checkUpload(upload);
    const answer = (question: unknown) => answerAbout(upload, question as UploadQuestion); // from our own thread
    // Copies of megabytes take some milliseconds: other requests are answered first.
    await nextTurn();
    return (await this.#thread.run(() => taskOf(upload), answer)) as CheckedUpload; // as upload-worker.ts makes it
  }

  /** Ends the thread. */
  async close(): Promise<void> {
    await this.#thread.close();
  }
}

function unchecked({ reason, cause }: ThreadEnd): TagsealError {
  const details = cause === undefined ? {} : { cause };
  if (reason !== "memory" && reason !== "time") {
    const hint = "Nothing was published. Publish again; the log of the server says why the check was cut off.";
    return new TagsealError("UPLOAD_UNCHECKED", "the check of the upload was cut off", { ...details, hint });
  }
  const limit = reason === "memory" ? "memory" : "time";
  return new TagsealError("UPLOAD_TOO_COSTLY", `checking the upload takes more ${limit} than the server allows`, {
    ...details,
    hint: "Nothing was published. Split the list of tags among delegations, or remove tags that are not used.",
  });
}
