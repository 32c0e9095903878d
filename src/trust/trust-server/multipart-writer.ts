import { randomBytes } from "node:crypto";
import type { RoleName } from "../../tuf/metadata.ts";

/** A request body and the header that describes it. */
export interface MultipartBody {
  readonly contentType: string;
  readonly body: Uint8Array;
}

/**
 * Encodes role files as trust servers accept them: one part each, with the role (including slashes) as file name.
 *
 * @see Notary v1: multipart request
 */
export function multipartOf(files: ReadonlyMap<RoleName, Uint8Array>): MultipartBody {
  const boundary = randomBytes(30).toString("hex");
  const parts = [...files].flatMap(([role, bytes]) => [Buffer.from(partHead(boundary, role)), bytes, lineEnd]);
  return {
    contentType: `multipart/form-data; boundary=${boundary}`,
    body: Buffer.concat([...parts, Buffer.from(`--${boundary}--\r\n`)]),
  };
}

const lineEnd = Buffer.from("\r\n");

function partHead(boundary: string, role: RoleName): string {
  const disposition = `Content-Disposition: form-data; name="files"; filename="${role}"`;
  return `--${boundary}\r\n${disposition}\r\nContent-Type: application/octet-stream\r\n\r\n`;
}
