import { TagsealError } from "../../errors.ts";
import type { Io } from "../io.ts";
import { openKeyStore } from "../open/user-keys.ts";
import { purposeOf } from "../output/key-words.ts";
import { printable } from "../output/printable.ts";

/**
 * The IDs of the private keys of this machine, with what each is for. Unlocks nothing, warns about nothing: a person is in the middle of a line.
 * Keys that cannot be listed are not offered; the command itself says why.
 */
export async function keyOffers(io: Io): Promise<readonly (readonly [keyId: string, purpose: string])[]> {
  try {
    const store = await openKeyStore(io, { onWarning: () => undefined });
    return (await store.list()).map((key) => [key.keyId, printable(purposeWithRepository(key))] as const);
  } catch (error) {
    if (error instanceof TagsealError) return [];
    throw error;
  }
}

function purposeWithRepository(key: { readonly role: string; readonly gun: string | undefined }): string {
  return key.gun === undefined ? purposeOf(key) : `${purposeOf(key)} of ${key.gun}`;
}
