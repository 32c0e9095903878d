/** The library's type declarations, which its package brings along. */
import { execFile } from "node:child_process";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const root = resolve(import.meta.dirname, "..");

/** Writes the declarations of `src/index.ts`, and of what it exports, below `output`. Without the compiler (`--omit=dev`) there are none. */
export async function writeTypes(output: string): Promise<void> {
  const compiler = installedCompiler();
  if (compiler === undefined) return;
  const words = [compiler, "--project", join(root, "tsconfig.types.json"), "--outDir", output];
  await promisify(execFile)(process.execPath, words);
}

function installedCompiler(): string | undefined {
  try {
    return join(fileURLToPath(import.meta.resolve("typescript/package.json")), "..", "bin", "tsc");
  } catch {
    return undefined;
  }
}
