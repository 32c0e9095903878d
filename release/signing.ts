/**
 * Signs a release with Tagseal itself: in one repository each file is a target, with its length and SHA-256. `tagseal verify` and
 * `notary verify` read it; keys, passphrases and the trust server come from where those look for them.
 */
import { homedir } from "node:os";
import { join } from "node:path";
import {
  fromEnvironment,
  hasCode,
  listTags,
  openTrustContext,
  parseDigest,
  parseImageReference,
  signTags,
  TagsealError,
  type TrustContext,
} from "../src/index.ts";
import { type ReleasedFile, releasedFiles, sumsName } from "./checksums.ts";
import { formulaName } from "./formula.ts";
import { installScriptName } from "./install-script.ts";

/** The repository of all releases; decision 26 explains the name. */
export const releaseRepository = "releases.tagseal.invalid/tagseal";

/** Files that every release has under the same name: such a name means the current release. All others never change. */
const current: ReadonlySet<string> = new Set([sumsName, installScriptName, formulaName]);

/** How a release is signed. */
export interface ReleaseSigning {
  /** the maintainer's environment: trust server, passphrases, `DOCKER_CONFIG` */
  readonly env: NodeJS.ProcessEnv;
  /** make the repository's trust data if there is none, which is refused otherwise */
  readonly initialise: boolean;
}

/**
 * Signs all files of a release in one publication. Returns how many.
 *
 * @throws Error when the files are not those of `SHA256SUMS`, no trust server is named, or a file of a published release has changed
 * @throws TagsealError as `signTags`
 */
export async function signRelease(directory: string, { env, initialise }: ReleaseSigning): Promise<number> {
  const files = await releasedFiles(directory);
  if (!env["DOCKER_CONTENT_TRUST_SERVER"])
    throw new Error("no trust server: set DOCKER_CONTENT_TRUST_SERVER to its address");
  const context = await openTrustContext({
    reference: parseImageReference(releaseRepository),
    dockerConfigDir: env["DOCKER_CONFIG"] || join(homedir(), ".docker"),
    env,
    access: "write",
    passphrases: fromEnvironment(env),
    notify: (event) => {
      if (event.kind === "warning") process.stderr.write(`warning: ${event.message}\n`);
    },
  });
  try {
    await refuseChanges(context, files, initialise);
    const tags = files.map(({ name, sha256, length }) => ({
      tag: name,
      digest: parseDigest(`sha256:${sha256}`),
      length,
    }));
    await signTags(context, tags, { initialise: initialise ? "targets" : false });
  } finally {
    context.close();
  }
  return files.length;
}

/** Users have files of a published release: a second meaning of their names would look like an attack. */
async function refuseChanges(
  context: TrustContext,
  files: readonly ReleasedFile[],
  initialise: boolean,
): Promise<void> {
  const signed = await signedFiles(context, initialise);
  for (const { name, sha256 } of files) {
    const before = signed.get(name);
    if (before === undefined || current.has(name) || before === `sha256:${sha256}`) continue;
    throw new Error(`${name} is signed already, as another file: a release never changes. Raise the version.`);
  }
}

async function signedFiles(context: TrustContext, initialise: boolean): Promise<ReadonlyMap<string, string>> {
  try {
    return new Map((await listTags(context)).map(({ tag, digest }) => [tag, digest]));
  } catch (error) {
    if (initialise && hasCode(error, "REPOSITORY_NOT_SIGNED")) return new Map();
    throw error;
  }
}

/** Does the same for a command, and shows the result. @returns the exit code */
export async function signForCommand(directory: string, options: { readonly initialise: boolean }): Promise<number> {
  try {
    const count = await signRelease(directory, { env: process.env, ...options });
    process.stdout.write(`Signed ${count} files of ${directory} as ${releaseRepository}\n`);
    return 0;
  } catch (error) {
    process.stderr.write(`${directory} is not signed: ${explanation(error)}\n`);
    return 1;
  }
}

function explanation(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (!(error instanceof TagsealError)) return error.message;
  const { message, code, hint } = error;
  const advice = code === "REPOSITORY_NOT_SIGNED" ? "For the very first release, add --initialise." : hint;
  return `${message} [${code}]${advice === undefined ? "" : `\nhint: ${advice}`}`;
}
