/** podman's registries.conf: the actual location of a repository, its mirrors, and which registries may be used without TLS. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { Environment } from "../environment/environment.ts";
import { UsageError } from "../errors.ts";
import { isErrno } from "../files/system-error.ts";
import { type ImageReference, parseImageReference } from "../reference/image-reference.ts";
import { podmanDirectory } from "./podman-directory.ts";
import { type RegistryRule, rulesIn } from "./registries-rules.ts";
import { denied, readSettings } from "./settings-file.ts";

/** A repository as one registry has it. */
export interface RegistrySource {
  readonly registry: string;
  readonly repository: string;
  /** may be used without TLS, or with a certificate that no known authority signed */
  readonly insecure: boolean;
}

/** The locations of a repository. */
export interface RegistrySources {
  /** as it is named: the target of pushes */
  readonly named: RegistrySource;
  /** the source of pulls */
  readonly location: RegistrySource;
  /** asked before the location for images named by a digest */
  readonly mirrors: readonly RegistrySource[];
}

/** Where podman looks for its settings; nothing is read from the process. */
export interface RegistriesConfOptions {
  readonly env: Environment;
  readonly home: string | undefined;
}

type Repository = Pick<ImageReference, "registry" | "repository">;

const systemDirectory = "/etc/containers";

/**
 * Finds where podman asks for a repository: the rule with the longest prefix decides.
 *
 * @throws UsageError `FILE_UNREADABLE` for a file that cannot be read or has an impossible setting; `USAGE` for a registry that is blocked
 * @see containers-registries.conf(5)
 */
export async function registrySources(image: Repository, options: RegistriesConfOptions): Promise<RegistrySources> {
  const rules = await loadRules(options);
  const name = `${image.registry}/${image.repository}`;
  const matching = [...rules.values()].filter((rule) => matchLength(name, rule.prefix) > 0);
  const rule = matching.toSorted((one, other) => other.prefix.length - one.prefix.length)[0];
  const named = { ...repositoryOf(image), insecure: rule?.insecure === true };
  if (rule === undefined) return { named, location: named, mirrors: [] };
  if (rule.blocked) throw new UsageError("USAGE", `podman's registries.conf blocks ${rule.prefix}`);
  const rest = name.slice(matchLength(name, rule.prefix));
  const moved = ({ location, insecure }: { location: string; insecure: boolean }): RegistrySource => ({
    ...(location === "" ? repositoryOf(image) : parsedLocation(location + rest)),
    insecure,
  });
  return { named, location: moved(rule), mirrors: rule.mirrors.map(moved) };
}

function repositoryOf({ registry, repository }: Repository): Repository {
  return { registry, repository };
}

function parsedLocation(name: string): Repository {
  return repositoryOf(parseImageReference(name));
}

/**
 * How much of a name a prefix covers: whole components only; as with podman a host without a port covers its ports. `*.example.com` covers
 * the host of any name below it.
 */
function matchLength(name: string, prefix: string): number {
  if (prefix.startsWith("*.")) {
    const [host = ""] = name.split("/", 1);
    return host.endsWith(prefix.slice(1)) ? host.length : 0;
  }
  return name === prefix || (name.startsWith(prefix) && /^[:/]/.test(name.slice(prefix.length))) ? prefix.length : 0;
}

/** Later files replace the settings of a prefix in earlier ones. */
async function loadRules(options: RegistriesConfOptions): Promise<ReadonlyMap<string, RegistryRule>> {
  const rules = new Map<string, RegistryRule>();
  for (const path of configurationFiles(options)) {
    const text = readSettings(path);
    if (text === undefined) continue;
    for (const rule of await rulesIn(path, text)) rules.set(rule.prefix, rule);
  }
  return rules;
}

function configurationFiles({ env, home }: RegistriesConfOptions): readonly string[] {
  const own = podmanDirectory(env, home);
  const directories = own === undefined ? [systemDirectory] : [systemDirectory, own];
  const dropIns = directories.flatMap((directory) => dropInsOf(join(directory, "registries.conf.d")));
  const named = env["CONTAINERS_REGISTRIES_CONF"] ?? env["REGISTRIES_CONFIG_PATH"];
  if (named !== undefined && named !== "") return [named, ...dropIns];
  const mine = own && join(own, "registries.conf");
  const isMine = mine !== undefined && readSettings(mine) !== undefined;
  return [isMine ? mine : join(systemDirectory, "registries.conf"), ...dropIns];
}

function dropInsOf(directory: string): string[] {
  try {
    const names = readdirSync(directory).filter((name) => name.endsWith(".conf"));
    return names.toSorted().map((name) => join(directory, name));
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR")) return [];
    throw denied(directory, error);
  }
}
