/** The lines of JSON that an engine answers a push or pull with. Bounded before they are parsed, checked before they are used (I1). */
import { parseOrdinaryJson } from "../../encoding/json.ts";
import { NetworkError } from "../../errors.ts";
import type { EngineMessage, EngineProgress } from "../engine-message.ts";

/** One line: something to show, a fact for programs, or the end. */
export type StreamItem =
  | { readonly kind: "message"; readonly message: EngineMessage }
  | { readonly kind: "aux"; readonly aux: Readonly<Record<string, unknown>> }
  | { readonly kind: "error"; readonly message: string };

/** A line reports the progress of one layer; no engine sends a longer one. */
const maxLineBytes = 1024 * 1024;

/**
 * Reads the items of a stream until it ends.
 *
 * @throws NetworkError `ENGINE_RESPONSE_MALFORMED` for a line that is too long, is not a JSON object, or does not end
 */
export async function* readJsonStream(body: AsyncIterable<Uint8Array>): AsyncGenerator<StreamItem, void> {
  for await (const line of linesOf(body)) {
    const text = new TextDecoder().decode(line).trim();
    if (text !== "") yield* itemsOf(text);
  }
}

async function* linesOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  let pending: Uint8Array[] = [];
  let pendingBytes = 0;
  for await (const chunk of body) {
    let start = 0;
    for (let end = chunk.indexOf(0x0a); end !== -1; end = chunk.indexOf(0x0a, start)) {
      checkLength(pendingBytes + end - start);
      yield Buffer.concat([...pending, chunk.subarray(start, end)]);
      pending = [];
      pendingBytes = 0;
      start = end + 1;
    }
    const rest = chunk.subarray(start);
    pendingBytes += rest.length;
    checkLength(pendingBytes);
    if (rest.length > 0) pending.push(rest);
  }
  if (pendingBytes > 0) yield Buffer.concat(pending);
}

function checkLength(bytes: number): void {
  if (bytes > maxLineBytes) throw malformed(`a line of more than ${maxLineBytes} bytes`);
}

function* itemsOf(line: string): Generator<StreamItem, void> {
  const value = parsed(line);
  if (!isRecord(value)) throw malformed("a line that is not a JSON object");
  const error =
    textOf(value["error"]) ?? (isRecord(value["errorDetail"]) ? textOf(value["errorDetail"]["message"]) : undefined);
  if (error !== undefined) yield { kind: "error", message: error };
  else if (isRecord(value["aux"])) yield { kind: "aux", aux: value["aux"] };
  else yield { kind: "message", message: messageOf(value) };
}

function parsed(line: string): unknown {
  try {
    return parseOrdinaryJson(line);
  } catch (error) {
    throw malformed("a line that is not JSON", error);
  }
}

function messageOf(value: Readonly<Record<string, unknown>>): EngineMessage {
  const detail = value["progressDetail"];
  return {
    id: textOf(value["id"]),
    status: textOf(value["status"]) ?? "",
    progress: isRecord(detail) ? progressOf(detail) : undefined,
    stream: textOf(value["stream"]),
  };
}

function progressOf(detail: Readonly<Record<string, unknown>>): EngineProgress {
  return {
    current: countOf(detail["current"]),
    total: countOf(detail["total"]),
    units: textOf(detail["units"]),
    hideCounts: detail["hidecounts"] === true,
  };
}

function countOf(value: unknown): number {
  return typeof value === "number" && Number.isFinite(value) && value > 0 ? value : 0;
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function malformed(what: string, cause?: unknown): NetworkError {
  return new NetworkError("ENGINE_RESPONSE_MALFORMED", `the container engine answered ${what}`, { cause });
}
