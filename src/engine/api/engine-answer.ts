/** Reads answers of docker's engine API within bounds: success or the reason of a refusal, JSON objects, texts in them. */
import { gather } from "../../encoding/gathered-bytes.ts";
import { parseOrdinaryJsonOr } from "../../encoding/json.ts";
import { NetworkError } from "../../errors.ts";
import type { EngineResponse } from "./engine-connection.ts";

const maxAnswerBytes = 4 * 1024 * 1024;

/** Refuses any status but success. The reason is in one member of the answer; the wording is docker's. @throws NetworkError `ENGINE_ERROR` */
export async function requireSuccess(response: EngineResponse): Promise<void> {
  if (response.status >= 200 && response.status < 300) return;
  const body = await bounded(response);
  const message = reasonIn(body) ?? `${response.status}`;
  throw new NetworkError("ENGINE_ERROR", `Error response from daemon: ${message}`, { status: response.status });
}

function reasonIn(body: string): string | undefined {
  try {
    return textMember(parsedObject(body), "message");
  } catch {
    return body.trim() === "" ? undefined : body.trim().slice(0, 1000); // an old engine, or a proxy: plain text
  }
}

/** The JSON object that is the answer. @throws NetworkError `ENGINE_RESPONSE_MALFORMED` */
export async function objectIn(response: EngineResponse): Promise<Readonly<Record<string, unknown>>> {
  return parsedObject(await bounded(response));
}

async function bounded(response: EngineResponse): Promise<string> {
  const tooLarge = (): NetworkError => malformedAnswer(`more than ${maxAnswerBytes} bytes`);
  return Buffer.from(await gather(response.body, maxAnswerBytes, tooLarge)).toString("utf8");
}

function parsedObject(text: string): Readonly<Record<string, unknown>> {
  const value = parseOrdinaryJsonOr((cause) => malformedAnswer("something that is not JSON", cause), text);
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw malformedAnswer("something that is not a JSON object");
  return { ...value };
}

/** A member that is a text; undefined for any other type. */
export function textMember(value: Readonly<Record<string, unknown>>, name: string): string | undefined {
  const member = Object.hasOwn(value, name) ? value[name] : undefined;
  return typeof member === "string" ? member : undefined;
}

/** The error for an answer that docker does not give. */
export function malformedAnswer(what: string, cause?: unknown): NetworkError {
  return new NetworkError("ENGINE_RESPONSE_MALFORMED", `the container engine answered ${what}`, { cause });
}
