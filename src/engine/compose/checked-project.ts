/** A project in which compose finds only images that were checked: what the line does not use has an image that cannot be fetched. */
import { isJsonObject, type JsonObject, jsonObject, type JsonValue } from "../../encoding/json.ts";
import type { ComposeLine } from "./compose-line.ts";
import type { ComposeProject } from "./compose-project.ts";
import { ComposeRefused, withName } from "./compose-refused.ts";
import { contextServices } from "./service-build.ts";
import { type PinImage, pinnedBesides, refuseUnknownMembers, textOf } from "./service-images.ts";

/** What checking needs. */
export interface ProjectChecks {
  /** resolves an image under content trust */
  readonly pin: PinImage;
  /** puts the build of a service under content trust. @returns the build for compose */
  readonly build: (service: JsonObject) => Promise<JsonObject>;
}

/** Nothing can be fetched by this name, and nothing is called so. */
const unchecked = { image: "tagseal.invalid/not-checked", pull_policy: "never" } as const;

/**
 * Checks every service that the line uses.
 *
 * @throws ComposeRefused `COMPOSE_REFUSED`; TagsealError of resolving and of builds. Messages begin with the service
 */
export async function checkedProject(
  project: ComposeProject,
  line: ComposeLine,
  checks: ProjectChecks,
): Promise<JsonObject> {
  const top = topMembers(project.model);
  const used = usedServices(project, line);
  const checking = new Checking(line, checks, builtImages(project, line, used));
  const services: [string, JsonObject][] = [];
  for (const [name, service] of project.services) {
    const checked = used.has(name) ? await checking.service(name, service) : idle(service);
    // which profiles are active was decided when compose chose the services
    services.push([name, without(checked, "profiles")]);
  }
  for (const name of project.others) services.push([name, { ...unchecked, profiles: ["tagseal-not-checked"] }]);
  return { ...top, services: jsonObject(services) };
}

function topMembers(model: JsonObject): JsonObject {
  const known = ["name", "version", "services", "networks", "volumes", "secrets", "configs", "models"];
  const other = Object.keys(model).find((name) => !known.includes(name) && !name.startsWith("x-"));
  if (other !== undefined) throw new ComposeRefused(`the project has ${other}, which may bring in what is not checked`);
  // services that use models are refused
  return without(model, "models");
}

/** The named services, what they depend on, and the services that builds take files from. */
function usedServices({ services }: ComposeProject, line: ComposeLine): ReadonlySet<string> {
  const isWhole = line.services.length === 0 || line.withDependencies;
  const used = new Set(isWhole ? services.keys() : line.services.filter((name) => services.has(name)));
  if (!isBuilding(line)) return used;
  // a set gives out what is added while it is read
  for (const name of used) {
    for (const other of contextServices(services.get(name) ?? {})) {
      if (services.has(other)) used.add(other);
      else {
        const message = `service ${name}: its build uses the service ${other}, which this command leaves out`;
        throw new ComposeRefused(message, `Name that service, too: ${other}`);
      }
    }
  }
  return used;
}

function isBuilding({ command, noBuild }: ComposeLine): boolean {
  return command !== "pull" && !noBuild;
}

/** The names of the images that the command builds: other services may start them. */
function builtImages(project: ComposeProject, line: ComposeLine, used: ReadonlySet<string>): ReadonlySet<string> {
  if (line.noBuild) return new Set();
  const built = [...project.services].filter(([name, service]) => used.has(name) && isJsonObject(service["build"]));
  return new Set(
    built.map(([name, { image }]) => (typeof image === "string" && image !== "" ? image : `${project.name}-${name}`)),
  );
}

class Checking {
  readonly #line: ComposeLine;
  readonly #checks: ProjectChecks;
  readonly #built: ReadonlySet<string>;

  constructor(line: ComposeLine, checks: ProjectChecks, built: ReadonlySet<string>) {
    this.#line = line;
    this.#checks = checks;
    this.#built = built;
  }

  async service(name: string, service: JsonObject): Promise<JsonObject> {
    try {
      refuseUnknownMembers(service);
      const isBuilt = isJsonObject(service["build"]);
      if (this.#line.command === "build") return isBuilt ? await this.#onlyBuilt(service) : idle(service);
      const pinned = without(await pinnedBesides(service, this.#checks.pin), "develop");
      if (!isBuilt || this.#line.noBuild) return await this.#fetched(pinned);
      // what is built is not pulled
      if (this.#line.command === "pull") return without(pinned, "image");
      return { ...pinned, build: await this.#checks.build(service), pull_policy: "build" };
    } catch (error) {
      throw withName(`service ${name}`, error);
    }
  }

  async #onlyBuilt(service: JsonObject): Promise<JsonObject> {
    const kept = ["image", "platform", "depends_on"].flatMap((name): [string, JsonValue][] => {
      const value = service[name];
      return value === undefined ? [] : [[name, value]];
    });
    return { ...jsonObject(kept), build: await this.#checks.build(service) };
  }

  async #fetched(service: JsonObject): Promise<JsonObject> {
    const { image } = service;
    if (image === undefined || image === "") {
      const message = "it is built, and with --no-build compose would start whatever has the name of its image here";
      throw new ComposeRefused(message, "Let compose build it: leave out --no-build");
    }
    const name = textOf(image, "image");
    const { command, pullPolicy } = this.#line;
    if (this.#built.has(name)) return { ...service, ...(command === "pull" ? unchecked : { pull_policy: "never" }) };
    const policy = pullPolicy === undefined || pullPolicy === "policy" ? {} : { pull_policy: pullPolicy };
    return { ...without(service, "build"), image: await this.#checks.pin(name), ...policy };
  }
}

/** A service that the command does not start, build or fetch: other services may depend on it. */
function idle(service: JsonObject): JsonObject {
  const dependencies = service["depends_on"];
  return { ...unchecked, ...(dependencies === undefined ? {} : { depends_on: dependencies }) };
}

function without(value: JsonObject, name: string): JsonObject {
  return jsonObject(Object.entries(value).filter(([key]) => key !== name));
}
