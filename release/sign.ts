/**
 * `npm run release:sign`: signs the release in `dist/release/` (or the directory named on the command line), where the maintainer's keys are;
 * that need not be the machine that built it. The very first release needs `--initialise`.
 */
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { signForCommand } from "./signing.ts";

const { values, positionals } = parseArgs({ options: { initialise: { type: "boolean" } }, allowPositionals: true });
const directory = resolve(positionals[0] ?? join(import.meta.dirname, "..", "dist", "release"));
process.exitCode = await signForCommand(directory, { initialise: values.initialise ?? false });
