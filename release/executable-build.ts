/** Compiles the executables. */
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { outsideTheExecutable } from "./outside-the-bundle.ts";
import { builtOnce } from "./build-cache.ts";
import { bunFor, hostTarget, type Target } from "./bun.ts";
import { currentVersion } from "./edition.ts";

const root = resolve(import.meta.dirname, "..");

const options: readonly string[] = [
  "--compile",
  "--format=esm",
  "--minify-syntax",
  "--minify-whitespace",
  // Each command loads its own part and no other, already compiled.
  "--splitting",
  "--bytecode",
  // Most commands end before compiling their code pays off, so compilation starts thirty times later than Bun's default.
  "--compile-jit-policy=30",
  // Files in the current directory must not change the program or its environment.
  "--no-compile-autoload-dotenv",
  "--no-compile-autoload-bunfig",
  // Packages outside a single file would be looked for in the current directory. The code that loads these refuses to do so.
  ...outsideTheExecutable.flatMap((name) => ["--external", name]),
];

/** The name of the executable for a platform, in any directory. */
export function executableName(target: Target): string {
  return `tagseal-${target}`;
}

/** The name of the executable for a platform in a release: a file of another release can never take its place unnoticed. */
export function releasedExecutable(target: Target): string {
  return `tagseal-${currentVersion()}-${target}`;
}

/** Writes the executable for `target` to `output`. Those of other platforms are compiled here, too, on the runtime made for them. */
export function buildExecutable(target: Target, output: string): void {
  mkdirSync(dirname(output), { recursive: true });
  const [os = "", cpu = ""] = target.split("-");
  const elsewhere =
    target === hostTarget() ? [] : [`--target=bun-${os}-${cpu}`, "--compile-executable-path", bunFor(target)];
  builtOnce(executableName(target), output, () => {
    const bun = bunFor(hostTarget());
    // In this package, so that its dependencies are found, and where no other build clears up.
    const modules = mkdtempSync(join(import.meta.dirname, "targets/modules-"));
    try {
      execFileSync(process.execPath, [join(import.meta.dirname, "executable-modules.ts"), modules]);
      // The migrations keep their path relative to the working directory: beside the bundle, where the server looks for them.
      const files = [join(modules, "bin.js"), "--asset", "migrations", "--outfile", output];
      const cwd = join(root, "src/server/storage");
      execFileSync(bun, ["build", ...options, ...elsewhere, ...files], { cwd, stdio: "inherit" });
    } finally {
      rmSync(modules, { recursive: true });
    }
  });
  chmodSync(output, 0o755);
}
