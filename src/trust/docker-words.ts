import { TagsealError } from "../errors.ts";

/**
 * Says an error the way docker's trust commands print it.
 *
 * @param gun the collection the command was about
 * @see Notary v1: error mapping
 */
export function inDockerWords(error: unknown, gun: string): string {
  throw new TagsealError("INTERNAL", `trust is not wired yet: ${String(error)} ${gun}`);
}
