import { imageArgument } from "../options/image.ts";
import type { ForEachResult, Turn } from "../output/for-each-repository.ts";
import type { MakeProposal, Proposing } from "./propose-change.ts";

/** Proposes a change of one repository of several, says what became of it, and gives the same for `--json`. */
export async function proposeInTurn(
  { repository, io, say }: Turn,
  how: Omit<Proposing, "image" | "json">,
  make: MakeProposal,
): Promise<ForEachResult> {
  const { handOnProposal } = await import("./propose-change.ts");
  const { json, text } = await handOnProposal({ ...how, image: imageArgument(repository) }, io, make);
  say(text);
  return json;
}
