/**
 * The software bill of materials: every package that Tagseal contains or needs, in CycloneDX. npm writes it from the lock files; this code
 * selects packages, joins both lock files, and removes what differs between two runs for the same commit.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { currentVersion, releaseDate } from "./edition.ts";

const root = resolve(import.meta.dirname, "..");

interface Component {
  readonly "bom-ref": string;
  readonly name: string;
}

interface Dependency {
  readonly ref: string;
  readonly dependsOn: readonly string[];
}

/** The part of a CycloneDX document that is used here. */
interface Bom {
  readonly metadata: { readonly component: Component };
  readonly components: readonly Component[];
  readonly dependencies: readonly Dependency[];
}

/** The file of the bill of materials in a release. */
export function sbomName(): string {
  return `tagseal-${currentVersion()}.cdx.json`;
}

/** The bill of materials of this checkout, as JSON. @throws Error when npm cannot read a lock file */
export function softwareBillOfMaterials(): string {
  const application = billOf(root);
  const runtimes = billOf(join(root, "release"));
  const roots = [...packagesNamedIn("package.json"), ...packagesNamedIn("release/package.json")];
  const dependencies = [...application.dependencies, ...runtimes.dependencies];
  const reached = reachableFrom(roots, dependencies);
  const { component } = application.metadata;
  const top = { ref: component["bom-ref"], dependsOn: [...reached].filter((ref) => roots.includes(nameOf(ref))) };
  const bom = {
    ...application,
    metadata: {
      ...application.metadata,
      timestamp: releaseDate().toISOString(),
      component: { ...component, name: "tagseal" },
    },
    components: [...application.components, ...runtimes.components].filter(({ "bom-ref": ref }) => reached.has(ref)),
    dependencies: [top, ...dependencies.filter(({ ref }) => reached.has(ref))],
  };
  return `${JSON.stringify({ ...bom, serialNumber: serialNumber(bom) }, null, 2)}\n`;
}

/** All packages of a lock file: `--omit dev` would also omit a package that a development dependency has in common with Tagseal. */
function billOf(directory: string): Bom {
  const words = ["sbom", "--sbom-format", "cyclonedx", "--sbom-type", "application", "--package-lock-only"];
  const text = execFileSync("npm", words, { cwd: directory, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
  return JSON.parse(text) as Bom;
}

function packagesNamedIn(file: string): string[] {
  const manifest = JSON.parse(readFileSync(join(root, file), "utf8")) as Record<string, Record<string, string>>;
  return [manifest["dependencies"], manifest["optionalDependencies"]].flatMap((found) => Object.keys(found ?? {}));
}

/** `@scope/name@1.0.0` without its version. */
function nameOf(ref: string): string {
  return ref.slice(0, ref.lastIndexOf("@"));
}

function reachableFrom(names: readonly string[], dependencies: readonly Dependency[]): Set<string> {
  const below = new Map(dependencies.map(({ ref, dependsOn }) => [ref, dependsOn]));
  const direct = new Set(
    dependencies.flatMap(({ dependsOn }) => dependsOn).filter((ref) => names.includes(nameOf(ref))),
  );
  const reached = new Set<string>();
  const visit = (ref: string): void => {
    if (reached.has(ref)) return;
    reached.add(ref);
    below.get(ref)?.forEach(visit);
  };
  direct.forEach(visit);
  return reached;
}

/** The same for the same contents, and for no other. */
function serialNumber(contents: object): string {
  const { serialNumber: _random, ...lasting } = contents as { readonly serialNumber?: string };
  const hex = createHash("sha256").update(JSON.stringify(lasting)).digest("hex");
  // RFC 9562 §5.8: version 8, for what is derived in a way of its maker's choice.
  const parts = [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `a${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ];
  return `urn:uuid:${parts.join("-")}`;
}
