/** DER in and out, in two files: `der-reader.ts` and `der-writer.ts`. Only what keys and certificates need. */
export { DerReader } from "./der-reader.ts";
export type { DerElement } from "./der-reader.ts";
export { contextTag, derTag } from "./der-tag.ts";
export * from "./der-writer.ts";
