/**
 * Build contexts that are tar archives. The archive is packed again, so that the engine unpacks exactly the names that were checked here:
 * entries that two readers of tar could read differently never reach it.
 */
import { posix } from "node:path";
import { gather } from "../../encoding/gathered-bytes.ts";
import type { EngineKind } from "../command-line/invocation.ts";
import { cleanName, type Content, eachEntry } from "./archive-entries.ts";
import { companionEndings, defaultNames, type PackedDockerfile, refuseTemplate } from "./local-dockerfile.ts";
import { DockerfileRefused } from "./refused.ts";

const maxDockerfileBytes = 16 * 1024 * 1024;
const maxEntries = 1_000_000;

/**
 * Finds the Dockerfile in an archive, whatever the spelling of its name there.
 *
 * @param wanted value of `-f`
 * @throws UsageError `DOCKERFILE_REFUSED` when it is missing, not a plain file, there twice, or hidden behind links
 */
export async function findPackedDockerfile(
  file: string,
  wanted: string | undefined,
  kind: EngineKind,
): Promise<PackedDockerfile> {
  const names = wanted === undefined ? defaultNames[kind] : [cleanName(wanted)];
  const found = await filesNamed(names, file);
  const name = names.find((candidate) => found.has(candidate));
  const bytes = name === undefined ? undefined : found.get(name);
  if (name !== undefined && bytes !== undefined) {
    refuseTemplate(name, kind);
    return { name, bytes, companions: companionsOf(name, found) };
  }
  throw new DockerfileRefused(
    `Cannot locate specified Dockerfile: ${names[0] ?? ""}`,
    "name it with -f, as it is called in the archive",
  );
}

/** Those of `names` that the archive holds, and the companions of all of them. */
async function filesNamed(names: readonly string[], file: string): Promise<ReadonlyMap<string, Uint8Array>> {
  const companionNames = new Set(names.flatMap((name) => companionEndings.map((ending) => name + ending)));
  const found = new Map<string, Uint8Array>();
  const links = new Set<string>();
  const seen = new Set<string>();
  await eachEntry(file, async (header, content) => {
    const name = cleanName(header.name);
    if (seen.size >= maxEntries) throw new DockerfileRefused("the build context holds too many files");
    const isLink = header.type === "symlink" || header.type === "link";
    if (seen.has(name) && (isLink || links.has(name)))
      throw new DockerfileRefused(`the build context holds ${name} twice, once as a link`);
    seen.add(name);
    if (isLink) links.add(name);
    const isPlain = header.type === "file" || header.type === "contiguous-file";
    if (companionNames.has(name) && isPlain) found.set(name, await collect(content, name));
    if (!names.includes(name)) return;
    if (found.has(name)) throw new DockerfileRefused(`the build context holds ${name} twice`);
    if (!isPlain) {
      throw new DockerfileRefused(`${name} in the build context is not a plain file`);
    }
    found.set(name, await collect(content, name));
  });
  refuseHidden(seen, links);
  return found;
}

function companionsOf(name: string, files: ReadonlyMap<string, Uint8Array>): ReadonlyMap<string, Uint8Array> {
  return new Map(
    companionEndings.flatMap((ending) => {
      const content = files.get(name + ending);
      return content === undefined ? [] : [[ending, content] as const];
    }),
  );
}

/** A file written through a link could replace the Dockerfile after it was checked. */
function refuseHidden(names: ReadonlySet<string>, links: ReadonlySet<string>): void {
  if (links.size === 0) return;
  for (const name of names) {
    for (let parent = posix.dirname(name); parent !== "." && parent !== "/"; parent = posix.dirname(parent)) {
      if (!links.has(parent)) continue;
      throw new DockerfileRefused(
        `the build context holds ${name}, and ${parent} is a link`,
        "pack the directory itself",
      );
    }
  }
}

async function collect(content: Content, name: string): Promise<Uint8Array> {
  const tooLarge = (): DockerfileRefused => new DockerfileRefused(`${name} in the build context is too large`);
  return await gather(content, maxDockerfileBytes, tooLarge);
}
