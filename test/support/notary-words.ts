/** What tests say to notary. */
import type { Client } from "./clients.ts";

/** SHA-256 of `hello` and a newline, the six bytes that {@link addHello} names. */
export const helloSha256 = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";

/** `notary addhash`: signs the six bytes as a tag, or only stages that without `-p` in `more`. */
export async function addHello(who: Client, gun: string, tag: string, ...more: readonly string[]): Promise<void> {
  await who.notaryOk(["addhash", gun, tag, "6", "--sha256", helloSha256, ...more]);
}
