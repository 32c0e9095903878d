/** What decides in containerd's configuration whether pulls are verified: the whole of it, as `containerd config dump` prints it. */
import { jsonMember, type JsonValue } from "../../encoding/json.ts";
import { parsedToml } from "./parsed-toml.ts";

/** Settings that matter for image verifiers. */
export interface ContainerdSettings {
  readonly binDir: string;
  /** undefined: no bound */
  readonly maxVerifiers: number | undefined;
  readonly isDisabled: boolean;
  /** settings that make CRI pull by itself, as they would be written to stop that; with what they are now */
  readonly localPulls: readonly LocalPull[];
  /** directories of registry hosts, of which containerd 2 reads several */
  readonly hostDirectories: readonly string[];
}

/** One setting that makes CRI pull without verifiers. */
export interface LocalPull {
  readonly found: string;
  readonly fix: string;
}

/** The plugin that calls verifiers. */
export const verifierPlugin = "io.containerd.image-verifier.v1.bindir";
/** The plugin that pulls for kubelet. */
export const imagesPlugin = "io.containerd.cri.v1.images";

/**
 * Reads a dump.
 *
 * @returns undefined when it is not TOML
 */
export async function containerdSettings(dump: string): Promise<ContainerdSettings | undefined> {
  const content = await parsedToml(dump);
  if (content === undefined) return undefined;
  const plugins = jsonMember(content, "plugins");
  const verifier = jsonMember(plugins, verifierPlugin);
  const binDir = jsonMember(verifier, "bin_dir");
  const maxVerifiers = jsonMember(verifier, "max_verifiers");
  const disabled = jsonMember(content, "disabled_plugins");
  const registry = jsonMember(jsonMember(plugins, imagesPlugin), "registry");
  const hosts = jsonMember(registry, "config_path");
  return {
    binDir: typeof binDir === "string" ? binDir : "",
    maxVerifiers: typeof maxVerifiers === "number" && maxVerifiers >= 0 ? maxVerifiers : undefined,
    isDisabled: Array.isArray(disabled) && disabled.includes(verifierPlugin),
    localPulls: localPulls(jsonMember(plugins, imagesPlugin)),
    hostDirectories: typeof hosts === "string" ? hosts.split(":").filter((path) => path !== "") : [],
  };
}

/** containerd's own list. Any of them makes it pull as it did before version 2, with one warning in its log. */
function localPulls(images: JsonValue | undefined): readonly LocalPull[] {
  if (images === undefined) return [];
  const wanted: readonly (readonly [string, JsonValue])[] = [
    ["use_local_image_pull", false],
    ["discard_unpacked_layers", false],
    ["disable_snapshot_annotations", true],
    ["image_pull_with_sync_fs", false],
    ["max_concurrent_downloads", 3],
  ];
  const values = wanted.flatMap(([name, value]) => {
    const found = jsonMember(images, name);
    return found === undefined || found === value
      ? []
      : [{ found: `${name} = ${JSON.stringify(found)}`, fix: `set ${name} = ${JSON.stringify(value)}` }];
  });
  const registry = jsonMember(images, "registry");
  const tables = ["mirrors", "configs", "auths"].flatMap((name) => {
    const table = jsonMember(registry, name);
    const isEmpty = table === undefined || table === null || Object.keys(table).length === 0;
    return isEmpty
      ? []
      : [{ found: `registry.${name}`, fix: `move registry.${name} to hosts.toml files below config_path` }];
  });
  return [...values, ...tables];
}
