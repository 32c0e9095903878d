/** Platforms (`linux/arm64/v8`): their spellings and compatibility, by containerd's rules of normalisation and variants. */
import { jsonMember, type JsonValue } from "../encoding/json.ts";
import { UsageError } from "../errors.ts";

/** The platform of an image. */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  /** `v7`, `v8`; absent where an architecture has none */
  readonly variant?: string;
}

const part = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;

const architectures: ReadonlyMap<string, readonly [architecture: string, variant?: string]> = new Map([
  ["aarch64", ["arm64"]],
  ["x86_64", ["amd64"]],
  ["x86-64", ["amd64"]],
  ["x64", ["amd64"]],
  ["i386", ["386"]],
  ["i686", ["386"]],
  ["ia32", ["386"]],
  ["armhf", ["arm", "v7"]],
  ["armel", ["arm", "v6"]],
]);

/** The default variant of an architecture. */
const defaultVariants: ReadonlyMap<string, string> = new Map([
  ["arm64", "v8"],
  ["arm", "v7"],
  ["amd64", "v1"],
]);

/**
 * Parses `os/architecture[/variant]`; a lone architecture means linux.
 *
 * @throws UsageError `USAGE` for anything else
 */
export function parsePlatform(text: string): Platform {
  const parts = text.toLowerCase().split("/");
  const [os = "", architecture = "", variant] = parts.length === 1 ? ["linux", ...parts] : parts;
  if (parts.length > 3 || ![os, architecture, variant ?? "x"].every((name) => part.test(name))) {
    throw new UsageError("USAGE", `${JSON.stringify(text.slice(0, 80))} is not a platform`, {
      hint: "Write os/architecture or os/architecture/variant, such as linux/amd64 or linux/arm/v7.",
    });
  }
  return normalise({ os, architecture, ...(variant === undefined ? {} : { variant }) });
}

/** Formats a platform as {@link parsePlatform} reads it, without default variants. */
export function formatPlatform(platform: Platform): string {
  const { os, architecture, variant } = normalise(platform);
  const isDefault = variant === undefined || (variant === defaultVariants.get(architecture) && architecture !== "arm");
  return isDefault ? `${os}/${architecture}` : `${os}/${architecture}/${variant}`;
}

/** The platform of images for this machine: linux on this architecture, also where docker runs in a virtual machine. */
export function machinePlatform(architecture: string): Platform {
  return normalise({ os: "linux", architecture });
}

/** Reads a descriptor's `platform` member; undefined when it is absent or unusable. */
export function parsePlatformJson(value: JsonValue | undefined): Platform | undefined {
  const text = (name: string): string => {
    const found = jsonMember(value, name);
    return typeof found === "string" && part.test(found) ? found : "";
  };
  const [os, architecture, variant] = [text("os"), text("architecture"), text("variant")];
  if (os === "" || architecture === "") return undefined;
  return { os, architecture, ...(variant === "" ? {} : { variant }) };
}

/** True when an image for `offered` runs on `wanted`: same system and architecture, same or lesser variant. */
export function runsOn(offered: Platform, wanted: Platform): boolean {
  return platformRank(offered, wanted) !== undefined;
}

/** True for `unknown/unknown`, the platform of build attestations, on which nothing runs. */
export function isUnknownPlatform({ os, architecture }: Platform): boolean {
  return os.toLowerCase() === "unknown" || architecture.toLowerCase() === "unknown";
}

function normalise(platform: Platform): Platform {
  const os = platform.os.toLowerCase() === "macos" ? "darwin" : platform.os.toLowerCase();
  const written = platform.architecture.toLowerCase();
  const [architecture, impliedVariant] = architectures.get(written) ?? [written];
  const given = platform.variant?.toLowerCase() ?? impliedVariant ?? defaultVariants.get(architecture);
  if (given === undefined || given === "") return { os, architecture };
  return { os, architecture, variant: /^\d+$/.test(given) ? `v${given}` : given };
}

/** How well an offer fits: undefined for not at all, else higher is better. */
export function platformRank(offered: Platform, wanted: Platform): number | undefined {
  if (isUnknownPlatform(offered)) return undefined;
  const offer = normalise(offered);
  const want = normalise(wanted);
  if (offer.os !== want.os || offer.architecture !== want.architecture) return undefined;
  if (offer.variant === want.variant) return Number.MAX_SAFE_INTEGER;
  const offerLevel = level(offer.variant);
  const wantLevel = level(want.variant);
  return offerLevel === undefined || wantLevel === undefined || offerLevel > wantLevel ? undefined : offerLevel;
}

function level(variant: string | undefined): number | undefined {
  const [, major, minor = 0] = /^v(\d{1,3})(?:\.(\d{1,3}))?$/.exec(variant ?? "") ?? [];
  return major === undefined ? undefined : Number(major) * 1_000 + Number(minor);
}
