/** Whether containerd on this machine asks Tagseal about every pull: each way in which its verifiers are silently off. */
import { readdirSync } from "node:fs";
import { runHelperProgram } from "../../environment/helper-program.ts";
import { findProgram } from "../../environment/program-search.ts";
import { statIfThere } from "../../files/stat-if-there.ts";
import { systemReason } from "../../files/system-error.ts";
import { descriptorMediaType, usualBinDir } from "../../gates/containerd-request.ts";
import { verifierScriptIn, verifierScriptPath } from "../gate/verifier-script.ts";
import type { Io } from "../io.ts";
import { type ContainerdSettings, containerdSettings, imagesPlugin } from "./containerd-dump.ts";
import { type Finding, ok, problem, shellPath, warning } from "./finding.ts";

/** What a service of systemd has. */
const servicePath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/** RFC 2606: no registry can have this name. */
const unsignable = "tagseal.invalid/probe:unsigned";

/**
 * Asks containerd, and calls its verifier; nothing is found where there is none.
 *
 * @param file the configuration of containerd
 */
export async function checkContainerd(io: Io, file: string): Promise<readonly Finding[]> {
  const program = findProgram("containerd", { PATH: `${io.env["PATH"] ?? ""}:${servicePath}` });
  if (program === undefined) return [];
  const version =
    /^containerd \S+ v?(\d[\w.+~-]*)/u.exec(await outputOf(program, "--version"))?.[1] ?? "of unknown version";
  if (Number.parseInt(version, 10) < 2) return [tooOld(version)];
  const settings = await containerdSettings(await outputOf(program, "--config", file, "config", "dump"));
  if (settings === undefined) {
    const fix = `containerd --config ${shellPath(file, io.env["HOME"])} config dump`;
    return [problem("containerd", `the configuration of containerd ${version} cannot be read`, fix)];
  }
  const restart = `in ${file}, and restart containerd`;
  return [
    ...(await checkVerifiers(settings, version, restart)),
    ...settings.localPulls.map(({ found, fix }) =>
      problem("containerd", `kubelet pulls past image verifiers: ${found}`, `${fix} for ${imagesPlugin} ${restart}`),
    ),
    ...severalDirectories(settings, restart),
  ];
}

function tooOld(version: string): Finding {
  const fix = "update to containerd 2, or have it pull through tagseal gateway";
  return problem("containerd", `containerd ${version} has no image verifiers`, fix);
}

async function checkVerifiers(settings: ContainerdSettings, version: string, restart: string): Promise<Finding[]> {
  const { binDir, isDisabled, maxVerifiers } = settings;
  if (isDisabled || binDir === "")
    return [
      problem("containerd", "image verifiers are switched off", `correct bin_dir and disabled_plugins ${restart}`),
    ];
  const elsewhere = binDir === usualBinDir ? "" : ` --bin-dir ${shellPath(binDir, undefined)}`;
  const install = "tagseal gate containerd --install".concat(elsewhere);
  const { files, mode, unlisted } = verifiersIn(binDir);
  if (unlisted !== undefined)
    return [
      problem("containerd", `the verifiers in ${binDir} cannot be listed: ${unlisted}`, "sudo tagseal doctor --node"),
    ];
  if (files.length === 0)
    return [problem("containerd", `no verifier is in ${binDir}, so every image is pulled`, install)];
  const findings: Finding[] = [];
  if ((mode & 0o002) !== 0)
    findings.push(
      problem("containerd", `every user can put verifiers into ${binDir}`, `chmod o-w ${shellPath(binDir, undefined)}`),
    );
  if (verifierScriptIn(binDir) === undefined)
    return [...findings, problem("containerd", `Tagseal is not among the verifiers in ${binDir}`, install)];
  if (maxVerifiers !== undefined && files.indexOf("tagseal") >= maxVerifiers)
    findings.push(
      problem(
        "containerd",
        `containerd calls only the first ${maxVerifiers} files in ${binDir}`,
        `raise max_verifiers ${restart}`,
      ),
    );
  return [...findings, await probe(binDir, version, install)];
}

interface Verifiers {
  /** in the order in which containerd calls them */
  readonly files: readonly string[];
  /** of the directory; 0 where there is none */
  readonly mode: number;
  /** why they are not known */
  readonly unlisted?: string;
}

function verifiersIn(binDir: string): Verifiers {
  try {
    const stats = statIfThere(binDir);
    return stats === undefined ? { files: [], mode: 0 } : { files: readdirSync(binDir).sort(), mode: stats.mode };
  } catch (error) {
    return { files: [], mode: 0, unlisted: systemReason(error) };
  }
}

/** Calls the verifier as containerd does, about an image that cannot be signed. */
async function probe(binDir: string, version: string, install: string): Promise<Finding> {
  const path = verifierScriptPath(binDir);
  const digest = `sha256:${"0".repeat(64)}`;
  const outcome = await runHelperProgram({
    command: [path, "-name", unsignable, "-digest", digest, "-stdin-media-type", descriptorMediaType],
    kind: "engine",
    env: { PATH: servicePath },
    input: JSON.stringify({ digest }),
    errors: "dropped",
    maxOutputBytes: 32 * 1024,
    timeoutMs: 10_000,
  });
  if (outcome.kind === "ended" && outcome.exitCode === 0)
    return problem("containerd", "the verifier allows an image that cannot be signed", "tagseal policy show");
  if (outcome.kind === "ended" && outcome.exitCode === 1 && outcome.output.length > 0)
    return ok("containerd", `containerd ${version} asks Tagseal, which refuses what is not signed (${path})`);
  return problem("containerd", `${path} does not work as containerd starts it, so every pull is refused`, install);
}

/** containerd before 2.2 took such a path for one directory, and then ignored it without a word. */
function severalDirectories({ hostDirectories }: ContainerdSettings, restart: string): readonly Finding[] {
  if (hostDirectories.length < 2) return [];
  const message = `config_path names several directories (${hostDirectories.join(", ")}): mirrors in them may be ignored`;
  return [warning("containerd", message, `name one directory in config_path ${restart}`)];
}

async function outputOf(program: string, ...args: readonly string[]): Promise<string> {
  const outcome = await runHelperProgram({
    command: [program, ...args],
    kind: "engine",
    env: { PATH: servicePath },
    errors: "dropped",
    maxOutputBytes: 1024 * 1024,
    timeoutMs: 10_000,
  });
  return outcome.kind === "ended" && outcome.exitCode === 0 ? outcome.output.toString("utf8") : "";
}
