import { type ErrorDetails, MetadataError, TagsealError } from "../errors.ts";

/** What is wrong with an upload, in the words of the wire. Notary v1: error bodies. */
export type RefusalKind = "ErrBadRoot" | "ErrBadTargets" | "ErrBadSnapshot" | "ErrBadHierarchy" | "ErrValidation";

/** An upload that was refused, with code `UPDATE_REFUSED`. Its message is what the wire calls `Msg`; nothing was stored. */
export class UpdateRefused extends MetadataError {
  readonly kind: RefusalKind;
  /** the role that should have been part of the update; only for `ErrBadHierarchy` */
  readonly missing: string | undefined;

  constructor(kind: RefusalKind, message: string, details: ErrorDetails & { readonly missing?: string } = {}) {
    super("UPDATE_REFUSED", message, details);
    this.kind = kind;
    this.missing = details.missing;
  }
}

/**
 * Runs a check of uploaded files and turns its distrust into a refusal of this kind.
 *
 * @param check must not read storage: what fails there is not the uploader's fault
 * @throws UpdateRefused
 */
export function refusing<T>(kind: RefusalKind, check: () => T): T {
  try {
    return check();
  } catch (cause) {
    if (!(cause instanceof TagsealError) || cause instanceof UpdateRefused) throw cause;
    throw new UpdateRefused(kind, cause.message, { cause, ...(cause.hint === undefined ? {} : { hint: cause.hint }) });
  }
}
