/** File systems that refuse: full ones and read-only ones. Mounting them needs root. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";

/** A directory on a separate file system, unmounted when the test ends. */
export interface OwnFileSystem {
  readonly directory: string;
  /** lets nothing be written any more */
  makeReadOnly(): void;
  makeWritable(): void;
  /** lets nothing grow any more: writes a file until there is no room left */
  fill(): void;
  /** the room that `fill` took is free again */
  empty(): void;
}

/** A file system of `kibibytes`, and for so many files, or undefined where mounting is not allowed. */
export function ownFileSystem(
  t: TestContext,
  kibibytes = 1_024,
  { inodes = 0 }: { readonly inodes?: number } = {},
): OwnFileSystem | undefined {
  const parent = mkdtempSync(join(tmpdir(), "tagseal-small-"));
  const directory = join(parent, "mounted");
  mkdirSync(directory);
  let isMounted = false;
  t.after(() => {
    if (isMounted) execFileSync("umount", ["-l", directory]);
    rmSync(parent, { recursive: true, force: true });
  });
  const mount = (options: string): void => {
    execFileSync("mount", ["-t", "tmpfs", "-o", options, "tagseal-test", directory], { stdio: "ignore" });
  };
  try {
    mount(`size=${kibibytes}k,nr_inodes=${inodes},mode=700`);
  } catch {
    return undefined; // not root, or a container that may not mount
  }
  isMounted = true;
  return {
    directory,
    makeReadOnly: () => mount("remount,ro"),
    makeWritable: () => mount("remount,rw"),
    fill: () => writeUntilFull(join(directory, "ballast")),
    empty: () => rmSync(join(directory, "ballast"), { force: true }),
  };
}

function writeUntilFull(path: string): void {
  try {
    for (;;) writeFileSync(path, Buffer.alloc(4096), { flag: "a" });
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOSPC")) throw error;
  }
}

/** Why a test that needs {@link ownFileSystem} is skipped. */
export const mountingNeedsRoot = "mounting a small file system needs root";

/** A directory on a separate ext4 file system, for faults that a file system in memory cannot have. */
interface LoopDisk {
  readonly directory: string;
  readonly run: (command: string, ...args: string[]) => void;
}

/** One of 16 MiB, unmounted when the test ends, or undefined where mounting is not allowed. */
function loopDisk(t: TestContext, beforeUnmount: () => void = () => {}): LoopDisk | undefined {
  const parent = mkdtempSync(join(tmpdir(), "tagseal-disk-"));
  const [image, directory] = [join(parent, "image"), join(parent, "mounted")];
  mkdirSync(directory);
  const run = (command: string, ...args: string[]): void =>
    void execFileSync(command, args, { stdio: "ignore", timeout: 30_000 });
  let isMounted = false;
  t.after(() => {
    beforeUnmount();
    if (isMounted) run("umount", "-l", directory);
    rmSync(parent, { recursive: true, force: true });
  });
  try {
    run("truncate", "--size", "16M", image);
    run("mkfs.ext4", "-q", image);
    run("mount", "-o", "loop", image, directory);
  } catch {
    return undefined; // not root, or a container that has no loop devices
  }
  isMounted = true;
  return { directory, run };
}

/** A disk that hangs when told to, or undefined where mounting is not allowed. No test may write to it itself while it does. */
export function hangingDisk(t: TestContext): HangingDisk | undefined {
  let isHanging = false;
  const goOn = (): void => {
    if (isHanging) disk?.run("fsfreeze", "--unfreeze", disk.directory);
    isHanging = false;
  };
  const disk = loopDisk(t, goOn);
  if (disk === undefined) return undefined;
  const hang = (): void => {
    disk.run("fsfreeze", "--freeze", disk.directory);
    isHanging = true;
  };
  return { directory: disk.directory, hang, goOn };
}

/** A directory on a disk that hangs: a writer waits, in the kernel, until it continues. */
export interface HangingDisk {
  readonly directory: string;
  hang(): void;
  goOn(): void;
}

/** A directory on a file system that becomes read-only although files are open on it, as ext4 does after a disk error. */
export interface FailingDisk {
  readonly directory: string;
  fail(): void;
}

/** Such a disk, or undefined where mounting is not allowed. */
export function failingDisk(t: TestContext): FailingDisk | undefined {
  const disk = loopDisk(t);
  if (disk === undefined) return undefined;
  const { directory, run } = disk;
  return { directory, fail: () => run("mount", "-o", "remount,abort", directory) };
}
