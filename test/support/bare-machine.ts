/**
 * A machine on which nothing is installed but what a test puts there: a root directory with the C library and a few programs of this machine,
 * the kernel's own files, and a network that is loopback alone. There is no Node.js, no checkout and no internet.
 */
import { cpSync, mkdirSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { findExecutable, run, runOk, type Finished, type RunOptions, type Scope } from "./processes.ts";

/** Such a machine. It is gone when the scope closes. */
export interface BareMachine {
  /** Words before a command that make it run there; the process ID is the command's own. */
  readonly enter: readonly string[];
  /** Where the test finds a file of that machine. */
  path(file: string): string;
  /** Runs a command there, which must succeed. */
  run(words: readonly string[], options?: RunOptions): Promise<Finished>;
}

/** What has to be there. */
export interface BareContents {
  /** programs of this machine, by name or by path, with the libraries they are linked against */
  readonly programs?: readonly string[];
  /** files and directories, by where they are to be there */
  readonly files?: Readonly<Record<string, string>>;
  /** directories that are too large to copy, likewise; what is written there goes into memory */
  readonly shared?: Readonly<Record<string, string>>;
}

/** Programs and what is loaded with them, as absolute paths: `name => path (address)` and the loader, `path (address)`. */
async function librariesOf(programs: readonly string[]): Promise<string[]> {
  const { stdout } = await run("ldd", programs);
  return [...new Set([...stdout.matchAll(/(\/\S+) \(0x/gu)].map((match) => match[1] ?? ""))];
}

const preparation = `
root=$1
shift
mount -t tmpfs tmpfs "$root/mnt"
while [ $# -gt 0 ]; do
  mkdir -p "$root$1" "$root/mnt/$#/upper" "$root/mnt/$#/work"
  mount -t overlay overlay -o "lowerdir=$2,upperdir=$root/mnt/$#/upper,workdir=$root/mnt/$#/work" "$root$1"
  shift 2
done
mount -t proc proc "$root/proc"
for device in null zero full random urandom; do
  : > "$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
ip link set lo up
echo ready
exec sleep infinity`;

/** Makes one. Needs root. */
export async function startBareMachine(scope: Scope, name: string, contents: BareContents): Promise<BareMachine> {
  const root = scope.path(name);
  const path = (file: string): string => join(root, file);
  for (const directory of ["dev", "etc", "mnt", "proc", "root", "tmp", "var"])
    mkdirSync(path(directory), { recursive: true });
  for (const directory of ["bin", "lib", "lib64", "sbin"]) {
    mkdirSync(path(join("usr", directory)), { recursive: true });
    symlinkSync(join("usr", directory), path(directory));
  }
  const programs = (contents.programs ?? []).map((program) => findExecutable(program) ?? program);
  // The loader is asked about a program of this machine when the one to be tested is not here.
  for (const file of [...programs, ...(await librariesOf([process.execPath, ...programs]))]) copy(file, path(file));
  for (const [there, file] of Object.entries(contents.files ?? {})) copy(file, path(there));
  const shared = Object.entries(contents.shared ?? {}).flat();
  const words = ["--mount", "--net", "sh", "-ec", preparation, "sh", root, ...shared];
  const { pid } = await scope.start(name, "unshare", words, {
    ready: (log) => log().includes("ready"),
  });
  const namespaces = [`--mount=/proc/${pid}/ns/mnt`, `--net=/proc/${pid}/ns/net`];
  const enter = ["nsenter", ...namespaces, findExecutable("chroot") ?? "chroot", root];
  const env = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", HOME: "/root" };
  return {
    enter,
    path,
    run: ([...words], options = {}) =>
      runOk(enter[0] ?? "", [...enter.slice(1), ...words], { ...options, env: { ...env, ...options.env } }),
  };
}

function copy(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  cpSync(from, to, { recursive: true, dereference: true });
}
