import { TagsealError, UsageError } from "../../errors.ts";
import type { RoleName } from "../../tuf/metadata.ts";
import type { UpdateWarning } from "../../tuf/updater.ts";
import type { TrustContext } from "../trust-context.ts";

/** The files that could not be cached during one update. They are reported once, not one by one. */
export class UnrememberedFiles {
  readonly #roles = new Set<RoleName>();
  #failure: unknown;

  /** Records a warning about this; false for any other. */
  notice({ kind, role, error }: UpdateWarning): boolean {
    if (kind !== "cache-not-written" || role === undefined) return false;
    this.#roles.add(role);
    this.#failure ??= error;
    return true;
  }

  /** True when the file of a role is among them. */
  has(role: RoleName): boolean {
    return this.#roles.has(role);
  }

  /**
   * Warns about them, or refuses if the context requires a cache.
   *
   * @throws UsageError `FILE_UNWRITABLE`
   */
  tell({ gun, notify, mustRemember }: TrustContext): void {
    if (this.#roles.size === 0) return;
    const reason = this.#failure instanceof Error ? this.#failure.message : String(this.#failure);
    if (mustRemember === true) throw this.#refusal(gun, reason);
    const consequence = this.has("root")
      ? "the next command will trust any root again"
      : "the next command may be given an older version and not notice";
    notify({
      kind: "warning",
      gun,
      message: `this machine cannot remember what it verified, so ${consequence}: ${reason}`,
    });
  }

  #refusal(gun: string, reason: string): UsageError {
    const hint = this.#failure instanceof TagsealError ? this.#failure.hint : undefined;
    const message = `refused ${gun}: this machine cannot remember what it verified: ${reason}`;
    return new UsageError("FILE_UNWRITABLE", message, {
      cause: this.#failure,
      hint: hint ?? "Make the trust directory writable.",
    });
  }
}
