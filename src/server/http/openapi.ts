import { jsonReply, type Reply } from "./reply.ts";

/** stub */
export function openapiReply(): Reply {
  return jsonReply(200, "{}");
}
