/** What runs in the thread that commits large publications. See `sqlite-publishing.ts`. */

import { release } from "../threads/thread-messages.ts";
import { serveTasks } from "../threads/thread-tasks.ts";
import type { PublishingTask } from "./sqlite-publishing.ts";
import { SqliteMetadataStore } from "./sqlite-metadata-store.ts";

let store: SqliteMetadataStore | undefined;

serveTasks(async (given) => {
  const { place, publication } = given as PublishingTask; // from the thread that made this one
  store ??= new SqliteMetadataStore({ ...place, isInThread: true });
  try {
    await store.publish(publication);
  } finally {
    for (const { bytes } of publication.files) release(bytes);
  }
  return { value: undefined, memory: [] };
});
