/** The trust server's error bodies, exactly as clients of Notary v1 expect them. Notary v1: error bodies. */

/** Status and sentence of each code on the wire. Clients compare the codes; people read the sentences. */
const catalogue = {
  NO_FILENAME: [400, "No file/role name provided."],
  INVALID_ROLE: [400, "The role you are attempting to operate on is invalid."],
  MALFORMED_JSON: [400, "JSON sent by the client could not be parsed by the server"],
  UPDATING: [500, "An error has occurred while updating the TUF repository."],
  VERSION: [400, "A newer version of metadata is already available."],
  METADATA_NOT_FOUND: [404, "You have requested metadata that does not exist."],
  INVALID_UPDATE: [400, "Update sent by the client is invalid."],
  LIMIT_REACHED: [400, "A limit of the server is reached."],
  MALFORMED_UPLOAD: [400, "The body of your request is malformed."],
  INVALID_GUN: [400, "The server does not support actions on images of this name."],
  INVALID_PARAMETERS: [400, "The parameters provided are not valid."],
  UNAUTHORIZED: [401, "authentication required"],
  TOOMANYREQUESTS: [429, "too many requests"],
  UNKNOWN: [500, "unknown error"],
} as const satisfies Record<string, readonly [number, string]>;

/** One of the codes a client may see. */
export type WireCode = keyof typeof catalogue;

/** All of them. */
export const wireCodes = Object.keys(catalogue) as readonly WireCode[];

/** Any JSON that explains a code further. */
export type WireDetail = string | readonly object[] | { readonly [name: string]: unknown };

/** Clients read no more of an error body than this; a longer body would be lost entirely. */
const maxBodyBytes = 1024;

/** A request that is answered with an error. Thrown by handlers, written by the listener. */
export class WireError extends Error {
  readonly wireCode: WireCode;
  readonly status: number;
  readonly detail: WireDetail | undefined;
  /** additional response headers */
  readonly headers: Readonly<Record<string, string>>;
  /** the server is healthy and is set up to refuse this, whatever the status */
  readonly isIntended: boolean;

  constructor(
    wireCode: WireCode,
    options: {
      readonly detail?: WireDetail;
      /** instead of the code's own */
      readonly status?: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly isIntended?: boolean;
      readonly cause?: unknown;
    } = {},
  ) {
    const [status, message] = catalogue[wireCode];
    super(message, { cause: options.cause });
    this.wireCode = wireCode;
    this.status = options.status ?? status;
    this.detail = options.detail;
    this.headers = options.headers ?? {};
    this.isIntended = options.isIntended ?? this.status < 500;
  }

  /** The body: one error, a final newline, at most 1 KiB. */
  toBody(): string {
    const body = this.#write(this.detail);
    if (Buffer.byteLength(body) <= maxBodyBytes) return body;
    return this.#write(shortened(this.detail, Buffer.byteLength(body) - maxBodyBytes));
  }

  #write(detail: WireDetail | undefined): string {
    return `${JSON.stringify({ errors: [{ code: this.wireCode, message: this.message, detail }] })}\n`;
  }
}

/** The file a request names does not exist. The empty detail distinguishes it from a path that cannot exist. */
export function fileNotFound(): WireError {
  return new WireError("METADATA_NOT_FOUND", { detail: {} });
}

/** seconds; usually a database that restarts, or a cluster that elects a new primary */
const retryAfter = "5";

/** The store cannot be used now, and a later try may succeed: a publication was not accepted, a file could not be found. */
export function storeLost(wireCode: "UPDATING" | "UNKNOWN", cause?: unknown): WireError {
  return new WireError(wireCode, { status: 503, headers: { "Retry-After": retryAfter }, cause });
}

/** Cuts the only text in a detail that can be long; drops a detail that has none. */
function shortened(detail: WireDetail | undefined, excessBytes: number): WireDetail | undefined {
  if (typeof detail === "string") return cut(detail, excessBytes);
  if (detail === undefined || !isUpdateDetail(detail)) return undefined;
  return { ...detail, Error: { ...detail.Error, Msg: cut(detail.Error.Msg, excessBytes) } };
}

function isUpdateDetail(detail: object): detail is { readonly Error: { readonly Msg: string } } {
  return "Error" in detail && typeof detail.Error === "object" && detail.Error !== null && "Msg" in detail.Error;
}

const ellipsis = "…";

/** Characters may take up to six bytes once escaped, so this may cut more than necessary, but never too little. */
function cut(text: string, excessBytes: number): string {
  const keep = Math.max(0, text.length - excessBytes - Buffer.byteLength(ellipsis));
  return text.slice(0, keep).replace(/[\uD800-\uDBFF]$/u, "") + ellipsis;
}
