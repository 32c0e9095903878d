/** Reading policies and certificates again while the gateway runs. What cannot be read is a fault until it can. */
import { TagsealError } from "../errors.ts";
import type { Policy } from "../policy/policy.ts";
import type { Fault } from "../service/faults.ts";
import { errorFields, type ServerLog } from "../service/log.ts";
import type { FileWatch } from "../service/watching/file-watch.ts";

/** See the top of this file. */
export class PolicyReload {
  readonly #watch: FileWatch;
  readonly #log: ServerLog;
  readonly #use: (policies: readonly Policy[]) => void;
  #fault: Fault | undefined;

  /** @param use applies policies; those before stay in use when it throws */
  constructor(watch: FileWatch, log: ServerLog, use: (policies: readonly Policy[]) => void) {
    this.#watch = watch;
    this.#log = log;
    this.#use = use;
  }

  /** The policies in use are not those in the files; undefined when they are. */
  get fault(): Fault | undefined {
    return this.#fault;
  }

  /** @throws what `read` throws; TagsealError `SERVER_CONFIGURATION`, `CERTIFICATE_INVALID`. Each part that can be read is used */
  async reload(read: () => Promise<readonly Policy[]>): Promise<void> {
    const outcomes = await Promise.allSettled([this.#readPolicies(read), this.#watch.reload()]);
    const failed = outcomes.find((outcome) => outcome.status === "rejected");
    if (failed !== undefined) throw failed.reason;
    this.#log.write("info", "reloaded");
  }

  async #readPolicies(read: () => Promise<readonly Policy[]>): Promise<void> {
    try {
      this.#use(await read());
      this.#fault = undefined;
    } catch (error) {
      const code = error instanceof TagsealError ? error.code : "INTERNAL";
      const reason = `${code}: the policy cannot be read, and the one before is used on`;
      this.#fault = { reason, level: "warning", details: errorFields(error) };
      throw error;
    }
  }
}
