import { readFile, stat } from "node:fs/promises";
import { hasCode, KeyStoreError, UsageError } from "../../errors.ts";
import { systemReason } from "../../files/system-error.ts";
import { maxImportLength } from "../../keys/key-transfer.ts";

/**
 * Reads a file with private keys.
 *
 * @param mayBeRead whether others may be able to read this text, since its keys are encrypted; they may never be able to change it
 * @throws KeyStoreError `KEY_FILE_UNSAFE`; UsageError `FILE_UNREADABLE`, `TOO_LARGE`: in docker's words
 */
export async function readPrivateKeyFile(path: string, mayBeRead: (text: string) => boolean): Promise<string> {
  const refusing = `refusing to load key from ${path}`;
  try {
    const { mode, size } = await stat(path);
    if (size > maxImportLength) throw new UsageError("TOO_LARGE", `${refusing}: it has ${size} bytes`);
    const text = await readFile(path, "utf8");
    const isOpen = (mode & 0o022) !== 0 || ((mode & 0o044) !== 0 && !mayBeRead(text));
    if (!isOpen) return text;
    const message = `${refusing}: private key file ${path} must not be readable or writable by others`;
    throw new KeyStoreError("KEY_FILE_UNSAFE", message, { hint: `Keep others out: chmod 600 ${path}` });
  } catch (error) {
    if (hasCode(error, "KEY_FILE_UNSAFE", "TOO_LARGE")) throw error;
    throw new UsageError("FILE_UNREADABLE", `${refusing}: stat ${path}: ${systemReason(error)}`, { cause: error });
  }
}
