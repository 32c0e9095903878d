/** What the check of an upload asks when it runs beside the thread that serves requests: stored files, and signatures. Keys stay where they are. */

import { PublicKey } from "../../crypto/public-key.ts";
import type { RoleName, ServerRole } from "../../tuf/metadata.ts";
import type { ServerKeys } from "../../tuf/server-signing.ts";
import { StoredView, type StoredRole } from "../../tuf/stored-roles.ts";
import type { Ask } from "../threads/thread-tasks.ts";
import { copiedBytes, type Moved, release } from "../threads/thread-messages.ts";
import type { UploadCheck } from "./checked-upload.ts";

/** One question. */
export type UploadQuestion =
  | { readonly about: "file"; readonly role: RoleName }
  | { readonly about: "key"; readonly keyId: string; readonly role: ServerRole }
  | { readonly about: "signature"; readonly keyId: string; readonly role: ServerRole; readonly payload: Uint8Array };

interface FoundKey {
  readonly keyType: string;
  readonly bytes: Uint8Array;
}

/** What a task of the thread is: an upload without what it asks for. */
export type UploadTask = Omit<UploadCheck, "stored" | "keys">;

/** An upload as a task; its files are copied once. */
export function taskOf({ stored: _stored, keys: _keys, ...input }: UploadCheck): Moved<UploadTask> {
  const uploads = new Map([...input.uploads].map(([role, bytes]) => [role, copiedBytes(bytes)]));
  const lost = (input.lost ?? []).map(({ role, version, bytes }) => ({ role, version, bytes: copiedBytes(bytes) }));
  const memory = [...uploads.values(), ...lost.map(({ bytes }) => bytes)].map(({ buffer }) => buffer);
  return { value: { ...input, uploads, lost }, memory };
}

/** Answers the questions about one upload. */
export async function answerAbout(
  { stored, keys }: Pick<UploadCheck, "stored" | "keys">,
  question: UploadQuestion,
): Promise<Moved<unknown>> {
  if (question.about === "file") {
    const file = await stored.current(question.role);
    if (file === undefined) return { value: undefined, memory: [] };
    const bytes = copiedBytes(file.bytes);
    return { value: { bytes, version: file.version } satisfies StoredRole, memory: [bytes.buffer] };
  }
  const key = await keys.find(question.keyId, question.role);
  if (question.about === "signature") return { value: await key?.sign(question.payload), memory: [] };
  const found = key && { keyType: key.publicKey.keyType, bytes: key.publicKey.bytes };
  return { value: found satisfies FoundKey | undefined, memory: [] };
}

/** The same questions as the check knows them, asked of the other thread. `release` gives back the memory of the answers that is not kept. */
export function askedFor(
  ask: Ask,
): Pick<UploadCheck, "stored" | "keys"> & { readonly release: (kept: readonly unknown[]) => void } {
  const put = <T>(question: UploadQuestion): Promise<T> => ask(question) as Promise<T>; // as answerAbout answers it
  const received: Uint8Array[] = [];
  const current = async (role: RoleName): Promise<StoredRole | undefined> => {
    const file = await put<StoredRole | undefined>({ about: "file", role });
    if (file !== undefined) received.push(file.bytes);
    return file;
  };
  const find: ServerKeys["find"] = async (keyId, role) => {
    const found = await put<FoundKey | undefined>({ about: "key", keyId, role });
    if (found === undefined) return undefined;
    const sign = (payload: Uint8Array) =>
      put<{ readonly method: string; readonly value: Uint8Array }>({ about: "signature", keyId, role, payload });
    return { publicKey: new PublicKey(found.keyType, found.bytes), sign };
  };
  const releaseAll = (kept: readonly unknown[]): void =>
    received.filter(({ buffer }) => !kept.includes(buffer)).forEach(release);
  return { stored: new StoredView({ current }), keys: { find }, release: releaseAll };
}
