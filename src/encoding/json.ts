/** JSON in and out: a strict parser for signed files, an ordinary one for everything else, and the two forms Notary v1 writes. */
export { parseJson, parseJsonDocument } from "./json-parser.ts";
export type { JsonBounds, JsonDocument, JsonMember } from "./json-parser.ts";
export { findOrdinaryJson, jsonMember, memberNames, parseOrdinaryJson, parseOrdinaryJsonOr } from "./json-ordinary.ts";
export { compareUtf8, isJsonObject, jsonObject } from "./json-value.ts";
export type { JsonObject, JsonValue } from "./json-value.ts";
export { canonicalJson, fileFormToCanonical, fileJson } from "./canonical-json.ts";
export { WrittenMembers } from "./written-members.ts";
