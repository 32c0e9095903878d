/** What runs in the thread that checks large uploads. See `upload-checks.ts`. */

import { ownBytes } from "../threads/thread-messages.ts";
import { serveTasks } from "../threads/thread-tasks.ts";
import { type CheckedUpload, checkUpload } from "./checked-upload.ts";
import { askedFor, type UploadTask } from "./upload-questions.ts";

serveTasks(async (given, ask) => {
  const task = given as UploadTask; // as taskOf makes it
  const { stored, keys, release } = askedFor(ask);
  const { files, evidence } = await checkUpload({ ...task, stored, keys });
  const moved = files.map(({ role, version, sha256, bytes }) => ({ role, version, sha256, bytes: ownBytes(bytes) }));
  const memory = moved.map(({ bytes }) => bytes.buffer);
  release(memory);
  return { value: { files: moved, evidence } satisfies CheckedUpload, memory };
});
