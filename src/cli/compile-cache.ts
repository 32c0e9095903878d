/**
 * Lets Node keep compiled code in the user's cache directory, which saves a good part of the start-up time.
 *
 * Only in a directory of the user's own: what is read from there is executed, so it must be out of reach of others. Node's own
 * default, below the system's temporary directory, is not; and neither is another user's home under sudo.
 */
export function keepCompiledCode(): void {
  if (process.versions["bun"] !== undefined) return; // the self-contained executable carries its own
  const { XDG_CACHE_HOME: cache, HOME: home } = process.env;
  if (!home?.startsWith("/")) return;
  const { statSync } = process.getBuiltinModule("node:fs");
  const owner = statSync(home, { throwIfNoEntry: false })?.uid;
  if (owner === undefined || owner !== process.geteuid?.()) return;
  const { enableCompileCache } = process.getBuiltinModule("node:module");
  enableCompileCache(`${cache?.startsWith(`${home}/`) === true ? cache : `${home}/.cache`}/tagseal`);
}
