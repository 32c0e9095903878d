/** Whether this is the runtime of the executable, whose `fetch` takes roots, and refuses what `node:http` refuses. */
export const canFetch: boolean = "Bun" in globalThis;
