/** `npm run tarball`: the npm package in `dist/packages/` (or the directory named on the command line), whose path is printed. */
import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { buildInto, inTemporaryDirectory } from "./built.ts";
import { writeTarball } from "./tarball-contents.ts";

const output = resolve(process.argv[2] ?? join(import.meta.dirname, "..", "dist", "packages"));
mkdirSync(output, { recursive: true });
const file = inTemporaryDirectory((work) => writeTarball(buildInto(join(work, "dist")), work, output));
process.stdout.write(`${join(output, file)}\n`);
