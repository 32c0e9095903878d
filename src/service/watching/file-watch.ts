/** All watched files of a process: checked regularly, read again on request, with their faults. */

import { hasCode, TagsealError } from "../../errors.ts";
import type { Fault } from "../faults.ts";
import { errorFields } from "../log.ts";
import type { Validity } from "./certificate-validity.ts";
import type { FileRegister } from "./watched-files.ts";

const lookEveryMs = 2000;

type AnyFiles = Parameters<FileRegister["add"]>[0];

/** The watched files of a process, and what is wrong with them. */
export class FileWatch implements FileRegister {
  readonly #now: () => Date;
  readonly #files: AnyFiles[] = [];
  #looking: NodeJS.Timeout | undefined;

  constructor(now: () => Date) {
    this.#now = now;
  }

  /** Adds files. Several may belong to one part, such as two databases with the same certificates. */
  add(files: AnyFiles): void {
    this.#files.push(files);
  }

  /** Checks every two seconds. A file on a hanging file system does not block the others. */
  begin(): void {
    this.#looking = setInterval(() => this.#files.forEach((files) => void files.look()), lookEveryMs).unref();
  }

  stop(): void {
    clearInterval(this.#looking);
  }

  /**
   * Reads every file now, changed or not.
   *
   * @throws TagsealError `SERVER_CONFIGURATION`, `CERTIFICATE_INVALID` for the first file that cannot be used; its previous content stays valid, and
   * all other files are read
   */
  async reload(): Promise<void> {
    const outcomes = await Promise.allSettled(this.#files.map(async (files) => await files.reload()));
    const failed = outcomes.find((outcome) => outcome.status === "rejected");
    if (failed !== undefined) throw failed.reason;
  }

  /** The names of all watched parts, for {@link fault}. */
  get parts(): readonly string[] {
    return [...new Set(this.#files.map(({ part }) => part))];
  }

  /** What is wrong with the files of a part, or with the certificates in them. */
  fault(part: string): Fault | undefined {
    const failed = this.#of(part).find(({ failure }) => failure !== undefined);
    const expiry = this.#faultOfCertificates(part);
    if (failed === undefined) return expiry;
    const { code, reason } = unusable(failed.failure);
    const reasons = expiry === undefined ? reason : `${reason}; ${expiry.reason}`;
    return { reason: `${code}: ${reasons}`, details: errorFields(failed.failure) };
  }

  /** Milliseconds until the first certificate of each part expires, negative afterwards. */
  get expiries(): ReadonlyMap<string, number> {
    const expiries = new Map<string, number>();
    for (const part of this.parts) {
      const [first] = this.#validitiesOf(part);
      if (first !== undefined) expiries.set(part, first.notAfter.getTime() - this.#now().getTime());
    }
    return expiries;
  }

  #faultOfCertificates(part: string): Fault | undefined {
    const now = this.#now();
    for (const { notBefore, notAfter, renewBy } of this.#validitiesOf(part)) {
      if (notAfter <= now) return { reason: `the certificate expired at ${notAfter.toISOString()}` };
      if (notBefore > now) return { reason: `the certificate is not valid before ${notBefore.toISOString()}` };
      if (renewBy <= now)
        return { reason: `the certificate expires at ${notAfter.toISOString()}: renew it`, level: "warning" };
    }
    return undefined;
  }

  /** The first to expire comes first. */
  #validitiesOf(part: string): readonly Validity[] {
    const all = this.#of(part).map(({ validity }) => validity);
    return all.filter((one) => one !== undefined).toSorted((a, b) => a.notAfter.getTime() - b.notAfter.getTime());
  }

  #of(part: string): readonly AnyFiles[] {
    return this.#files.filter((files) => files.part === part);
  }
}

function unusable(error: unknown): { readonly code: string; readonly reason: string } {
  // The reason names the time and no file.
  if (hasCode(error, "CERTIFICATE_INVALID")) return { code: error.code, reason: error.message };
  const code = error instanceof TagsealError ? error.code : "INTERNAL";
  return { code, reason: "what the files hold cannot be used, and what they held before is used on" };
}
