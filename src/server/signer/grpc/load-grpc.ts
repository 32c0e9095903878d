import type * as Grpc from "@grpc/grpc-js";
import { TagsealError } from "../../../errors.ts";

/**
 * Loads the gRPC library, which only servers with a signer in another process need.
 *
 * @throws TagsealError `SERVER_CONFIGURATION` when it is not installed
 */
export async function loadGrpc(): Promise<typeof Grpc> {
  try {
    const grpc = await import("@grpc/grpc-js");
    // Otherwise it writes to standard error what callers get as errors.
    grpc.setLogVerbosity(grpc.logVerbosity.NONE);
    return grpc;
  } catch (cause) {
    throw new TagsealError("SERVER_CONFIGURATION", "A signer in another process needs the package @grpc/grpc-js", {
      cause,
      hint: "Install it beside tagseal: npm install @grpc/grpc-js",
    });
  }
}
