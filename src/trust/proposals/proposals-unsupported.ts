import { NetworkError } from "../../errors.ts";

/** The refusal of a server that keeps no proposals. */
export function proposalsUnsupported(server: string, gun: string, cause?: unknown): NetworkError {
  return new NetworkError("PROPOSALS_UNSUPPORTED", `${server} keeps no proposals`, {
    cause,
    hint: `Carry the proposal in a file: add --out FILE when you propose, and approve it with: tagseal trust approve ${gun} --in FILE`,
  });
}
