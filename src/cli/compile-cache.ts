/**
 * Makes Node keep compiled code in the user's cache directory, which saves much of the start-up time.
 *
 * Only in a directory of the user's own: what is read from there is executed, so it must be out of reach of others. Node's own
 * default, below the system's temporary directory, is not; and neither is another user's home under sudo.
 */
export function keepCompiledCode(): void {
  if (process.versions["bun"] !== undefined) return; // the self-contained executable carries its own
  const { XDG_CACHE_HOME: cache, HOME: home } = process.env;
  if (!home?.startsWith("/")) return;
  if (ownerOf(home) !== process.geteuid?.()) return;
  const { enableCompileCache } = process.getBuiltinModule("node:module");
  enableCompileCache(`${cache?.startsWith(`${home}/`) === true ? cache : `${home}/.cache`}/tagseal`);
}

/** @returns null for a missing file, and for one that this account may not access, such as a file in root's home */
function ownerOf(path: string): number | null {
  try {
    return process.getBuiltinModule("node:fs").statSync(path).uid;
  } catch {
    return null;
  }
}
