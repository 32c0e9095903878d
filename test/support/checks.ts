/** Which signatures and hashes of metadata a piece of work checks: seen where the platform computes them, so that nothing in the product counts. */
import { AsyncLocalStorage } from "node:async_hooks";
import crypto from "node:crypto";
import { syncBuiltinESMExports } from "node:module";

/** What was checked. Files are named by their type: `Root`, `Timestamp`, `Snapshot`, `Targets`. */
export interface Checks {
  /** one for each signature that was verified, in order */
  readonly signatures: string[];
  /** the files that were hashed, with the algorithm; each once */
  readonly hashes: Set<string>;
}

/** Work of one caller: what servers in the same process verify meanwhile is not part of it. */
const ofCaller = new AsyncLocalStorage<Checks>();
let ofProcess: Checks | undefined;

function noChecks(): Checks {
  return { signatures: [], hashes: new Set() };
}

function watch(
  algorithm: unknown,
  bytes: unknown,
  note: (checks: Checks, type: string, algorithm: string) => void,
): void {
  const running = [ofCaller.getStore(), ofProcess].filter((checks) => checks !== undefined);
  if (running.length === 0 || !(bytes instanceof Uint8Array)) return;
  const type = /"_type":"(\w+)"/u.exec(Buffer.from(bytes).toString("latin1"))?.[1];
  if (type !== undefined) for (const checks of running) note(checks, type, String(algorithm));
}

crypto.verify = new Proxy(crypto.verify, {
  apply: (verify, self, args: Parameters<typeof crypto.verify>) => {
    watch(args[0], args[1], ({ signatures }, type) => signatures.push(type));
    return Reflect.apply(verify, self, args) as unknown;
  },
});
crypto.hash = new Proxy(crypto.hash, {
  apply: (hash, self, args: Parameters<typeof crypto.hash>) => {
    watch(args[0], args[1], ({ hashes }, type, algorithm) => hashes.add(`${type} ${algorithm}`));
    return Reflect.apply(hash, self, args) as unknown;
  },
});
syncBuiltinESMExports();

/** What `work` checks, and not what servers in this process check for it. */
export async function checksOf(work: () => Promise<unknown>): Promise<Checks> {
  const checks = noChecks();
  await ofCaller.run(checks, work);
  return checks;
}

/** What this process checks while `work` runs, its servers included. */
export async function checksMeanwhile(work: () => Promise<unknown>): Promise<Checks> {
  const checks = (ofProcess = noChecks());
  await work();
  ofProcess = undefined;
  return checks;
}
