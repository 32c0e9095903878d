/** Writes the packages for Linux distributions: `tagseal` for x64 and arm64, `tagseal-server` for machines like this one. */
import { execFileSync } from "node:child_process";
import { type Target } from "./bun.ts";
import { writeDeb } from "./deb.ts";
import { commandPackage, serverPackage } from "./package-contents.ts";
import { writeRpm } from "./rpm.ts";

/** The inputs of packages, and their directories. */
export interface PackagingPlaces {
  /** what build.ts wrote */
  readonly built: string;
  /** the file of a platform's executable, which is there already */
  readonly executable: (target: Target) => string;
  /** a temporary directory */
  readonly work: string;
  /** where the packages go */
  readonly output: string;
}

/** Platforms whose executable {@link writeLinuxPackages} needs. */
export const packagedTargets: readonly Target[] = ["linux-x64", "linux-arm64"];

/** @throws Error when a program that writes packages is not installed */
export function requirePackagingPrograms(): void {
  for (const [program, debian] of [
    ["dpkg-deb", "dpkg"],
    ["rpmbuild", "rpm"],
  ] as const) {
    try {
      execFileSync(program, ["--version"], { stdio: "ignore" });
    } catch (cause) {
      throw new Error(`${program} is not installed; Debian has it in the package ${debian}`, { cause });
    }
  }
}

/** Writes every package as `.deb` and `.rpm`. @returns the names of the files */
export function writeLinuxPackages({ built, executable, work, output }: PackagingPlaces): string[] {
  const written = packagedTargets.flatMap((target) => {
    const parts = { built, executable: executable(target), architecture: target.replace("linux-", "") };
    return [
      writeDeb(commandPackage(work, "deb", parts), output),
      writeRpm(commandPackage(work, "rpm", parts), work, output),
    ];
  });
  const server = serverPackage(work, built);
  // The control files of a Debian package must not get into the other format.
  return [...written, writeRpm(server, work, output), writeDeb(server, output)];
}
