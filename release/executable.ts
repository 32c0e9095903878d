/**
 * `npm run executable`: Tagseal as one file that needs no Node.js, `dist/tagseal-linux-x64` (or `-arm64`, on such a machine).
 *
 * It is the same code on another runtime: Bun, compiled in together with the bytecode of the command line, which starts several times
 * faster. The runtime is a package pinned in this directory's own lock file, whose integrity npm checks; nothing of it is run on
 * installing.
 */
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync } from "node:fs";
import { join, resolve } from "node:path";

const release = import.meta.dirname;
const root = resolve(release, "..");

/** The executable's names for what Node calls `process.arch`: ours, and Bun's. */
const architectures: Readonly<Record<string, { ours: string; bun: string }>> = {
  x64: { ours: "x64", bun: "x64" },
  arm64: { ours: "arm64", bun: "aarch64" },
};

/** Packages that are loaded only where somebody installed them, which cannot be beside a single file. */
const optionalPackages = ["kysely", "pg", "mysql2", "pkcs11js", "@grpc/grpc-js"];

const options: readonly string[] = [
  "--compile",
  "--format=esm",
  "--minify-syntax",
  "--minify-whitespace",
  // Each command loads its own part and no other, already compiled.
  "--splitting",
  "--bytecode",
  // A command is over before most of its code has paid for being compiled: that waits thirty times longer than Bun would for a server.
  "--compile-jit-policy=30",
  // What lies in the directory where somebody happens to stand must not change the program or its environment.
  "--no-compile-autoload-dotenv",
  "--no-compile-autoload-bunfig",
  ...optionalPackages.flatMap((name) => ["--external", name]),
];

function installedBun(architecture: string): string {
  const bun = join(release, "node_modules", "@oven", `bun-linux-${architecture}`, "bin", "bun");
  if (!existsSync(bun)) {
    execFileSync("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], { cwd: release, stdio: "inherit" });
  }
  return bun;
}

function build(): void {
  const architecture = process.platform === "linux" ? architectures[process.arch] : undefined;
  if (architecture === undefined) throw new Error("the executable is built on Linux, for x64 or arm64");
  const output = join(root, "dist", `tagseal-linux-${architecture.ours}`);
  mkdirSync(join(root, "dist"), { recursive: true });
  // The migrations keep their path relative to the working directory: beside the bundle, where the server looks for them.
  const files = [join(root, "src/cli/bin.ts"), "--asset", "migrations", "--outfile", output];
  const cwd = join(root, "src/server/storage");
  execFileSync(installedBun(architecture.bun), ["build", ...options, ...files], { cwd, stdio: "inherit" });
  chmodSync(output, 0o755);
}

build();
