/** How many MiB may pile up before a server's short-lived garbage is looked at. V8 would let it be 32 and more. */
const youngMebibytes = 4;

/**
 * Keeps a server small. Nearly all it allocates is garbage a moment later, and letting that pile up makes the process twice as large and no
 * faster. For the first moment of a server's process; elsewhere the default is better.
 */
export async function keepServerSmall(): Promise<void> {
  if ("Bun" in globalThis) return; // another engine, which has no such setting
  const { setFlagsFromString } = await import("node:v8");
  setFlagsFromString(`--max-semi-space-size=${youngMebibytes}`);
  setFlagsFromString("--semi-space-growth-factor=1");
}
