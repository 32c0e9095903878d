/** File systems that refuse: full ones and read-only ones. Mounting them needs root. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";

/** A directory on a file system of its own, unmounted when the test ends. */
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

/** A file system of `kibibytes`, or undefined where mounting is not allowed. */
export function ownFileSystem(t: TestContext, kibibytes = 1_024): OwnFileSystem | undefined {
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
    mount(`size=${kibibytes}k,mode=700`);
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
