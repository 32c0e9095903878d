/**
 * `npm run executable`: Tagseal as one file that needs no Node.js, `dist/tagseal-linux-x64` (or `-arm64`, on such a machine). Other
 * platforms are named behind `--`: `npm run executable -- darwin-arm64`.
 *
 * It is the same code on another runtime: Bun, compiled in together with the bytecode of the command line, which starts several times
 * faster.
 */
import { join, resolve } from "node:path";
import { hostTarget, targets } from "./bun.ts";
import { buildExecutable, executableName } from "./executable-build.ts";

const named = process.argv.slice(2);
const unknown = named.find((name) => !targets.some((target) => target === name));
if (unknown !== undefined) throw new Error(`no platform "${unknown}": there are ${targets.join(", ")}`);

const wanted = named.length === 0 ? [hostTarget()] : targets.filter((target) => named.includes(target));
for (const target of wanted) {
  buildExecutable(target, resolve(import.meta.dirname, "..", join("dist", executableName(target))));
}
