/** The help that an engine prints about a command's flags. */
import { execFile } from "node:child_process";

const timeoutMs = 10_000;
const maxBytes = 1024 * 1024;

/**
 * Asks the engine for the help text of one of its commands. It contacts no daemon and takes milliseconds.
 *
 * @param commandPath `["image", "push"]`; empty for the program itself
 * @returns both streams together; empty when the engine fails
 */
export async function engineHelp(
  executable: string,
  commandPath: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const options = { env, timeout: timeoutMs, maxBuffer: maxBytes };
  // Without the help no flag is known, and an unknown flag is refused anyway.
  execFile(executable, [...commandPath, "--help"], options, (_error, stdout, stderr) =>
    resolve(`${stdout}\n${stderr}`),
  );
  return await promise;
}
