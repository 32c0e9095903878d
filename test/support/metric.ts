/** A figure that a trust server shows for monitoring. */
import assert from "node:assert/strict";
import { ask } from "./https-request.ts";

/** The value of a counter or gauge without labels, by its whole name. */
export async function metricOf(
  { url, ca }: { readonly url: string; readonly ca: string },
  name: string,
): Promise<number> {
  const { body } = await ask(ca, "GET", `${url}/metrics`);
  const [, value] = new RegExp(`^${name} (\\S+)$`, "mu").exec(body.toString()) ?? assert.fail(`there is no ${name}`);
  return Number(value);
}
