import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isJsonObject, type JsonObject } from "../../encoding/json.ts";
import { MetadataError } from "../../errors.ts";
import { parseInvocation } from "../command-line/invocation.ts";
import { checkedProject } from "./checked-project.ts";
import { readComposeLine } from "./compose-line.ts";

const signed = new Set(["app:1", "db:1"]);

interface Outcome {
  readonly services: Readonly<Record<string, JsonObject>>;
  readonly built: readonly string[];
}

async function check(
  line: string,
  services: Record<string, JsonObject>,
  more: { readonly top?: JsonObject; readonly others?: readonly string[] } = {},
): Promise<Outcome> {
  const built: string[] = [];
  const project = {
    name: "p",
    model: { name: "p", services: {}, ...more.top },
    services: new Map(Object.entries(services)),
    others: more.others ?? [],
    warnings: "",
  };
  const checked = await checkedProject(project, readComposeLine(await parseInvocation(line.split(" "), "docker")), {
    pin: async (image) => {
      await Promise.resolve();
      if (!signed.has(image)) throw new MetadataError("TAG_NOT_SIGNED", `No valid trust data for ${image}`);
      return `${image}@digest`;
    },
    build: async (service) => {
      await Promise.resolve();
      built.push(JSON.stringify(service["image"]));
      return { context: "checked" };
    },
  });
  const found = checked["services"];
  assert.ok(isJsonObject(found));
  const plain = JSON.parse(JSON.stringify(found)) as Record<string, JsonObject>;
  return { services: plain, built };
}

const nothing = { image: "tagseal.invalid/not-checked", pull_policy: "never" };
const made = { build: { context: "." }, image: "made:1" };

describe("a checked project", () => {
  it("has a digest for each image: of services, of mounts and of hooks", async () => {
    const volumes = [
      { type: "image", source: "db:1", target: "/x" },
      { type: "bind", source: "/db", target: "/y" },
    ];
    const web = {
      image: "app:1",
      profiles: ["x"],
      volumes,
      pre_start: [{ command: ["x"], image: "db:1" }, { command: [] }],
    };
    const { services } = await check("compose up", { web, db: { image: "db:1", develop: { watch: [] } } });
    assert.deepEqual(services, {
      web: {
        image: "app:1@digest",
        volumes: [{ ...volumes[0], source: "db:1@digest" }, volumes[1]],
        pre_start: [{ command: ["x"], image: "db:1@digest" }, { command: [] }],
      },
      db: { image: "db:1@digest" },
    });
  });

  it("has what is not used with an image that nothing can fetch", async () => {
    const services = { web: { image: "app:1", depends_on: { bad: {} } }, bad: { image: "bad:1", privileged: true } };
    const { services: checked } = await check("compose up --no-deps web", services, { others: ["tool"] });
    assert.deepEqual(checked, {
      web: { image: "app:1@digest", depends_on: { bad: {} } },
      bad: nothing,
      tool: { ...nothing, profiles: ["tagseal-not-checked"] },
    });
    await assert.rejects(check("compose up web", services), {
      code: "TAG_NOT_SIGNED",
      message: "service bad: No valid trust data for bad:1",
    });
  });

  it("builds what is built, always, and lets other services start the result", async () => {
    const services = {
      web: made,
      same: { image: "made:1" },
      named: { image: "p-own" },
      own: { build: { context: "." } },
    };
    const { services: checked, built } = await check("compose up --pull always", services);
    assert.deepEqual(checked, {
      web: { build: { context: "checked" }, image: "made:1", pull_policy: "build" },
      same: { image: "made:1", pull_policy: "never" },
      named: { image: "p-own", pull_policy: "never" },
      own: { build: { context: "checked" }, pull_policy: "build" },
    });
    assert.equal(built.length, 2);
    await assert.rejects(check("compose up same", { same: { image: "made:1" } }), { code: "TAG_NOT_SIGNED" });
  });

  it("pulls nothing that is built, and builds nothing that is pulled", async () => {
    const services = { web: made, same: { image: "made:1" }, app: { image: "app:1" } };
    assert.deepEqual((await check("compose pull", services)).services, {
      web: { build: { context: "." } },
      same: nothing,
      app: { image: "app:1@digest" },
    });
    assert.deepEqual((await check("compose build", { ...services, bad: { image: "bad:1" } })).services, {
      web: { build: { context: "checked" }, image: "made:1" },
      same: nothing,
      app: nothing,
      bad: nothing,
    });
  });

  it("takes --pull for what is fetched", async () => {
    const { services } = await check("compose create --pull always", { app: { image: "app:1" } });
    assert.deepEqual(services, { app: { image: "app:1@digest", pull_policy: "always" } });
  });

  it("I9: with --no-build needs a signature for what would have been built", async () => {
    await assert.rejects(check("compose up --no-build", { web: made }), { code: "TAG_NOT_SIGNED" });
    await assert.rejects(check("compose up --no-build", { web: { build: { context: "." } } }), {
      code: "COMPOSE_REFUSED",
      message: /^service web: it is built, and with --no-build/u,
    });
    const both = { web: { ...made, image: "app:1" } };
    assert.deepEqual((await check("compose up --no-build", both)).services, { web: { image: "app:1@digest" } });
  });

  it("builds the services that a build takes files from, or says which is missing", async () => {
    const web = { image: "web:1", build: { context: ".", additional_contexts: { x: "service:base" } } };
    const base = { image: "base:1", build: { context: "." } };
    assert.deepEqual((await check("compose build web", { web, base })).built, ['"web:1"', '"base:1"']);
    await assert.rejects(check("compose build web", { web }, { others: ["base"] }), {
      code: "COMPOSE_REFUSED",
      message: /^service web: its build uses the service base/u,
      hint: "Name that service, too: base",
    });
  });

  for (const [name, value, message] of [
    ["provider", { type: "x" }, /^service web: its provider is a program/u],
    ["models", ["m"], /^service web: its models are fetched/u],
    ["image_from", "bad:1", /^service web: image_from may bring in/u],
    ["extends", { service: "x" }, /^service web: extends may bring in/u],
    ["Image", "bad:1", /^service web: Image may bring in/u],
    ["image", 5, /^service web: image of it is not understood/u],
    ["volumes", [":x"], /^service web: a list of it is not understood/u],
    ["pre_start", { image: "bad:1" }, /^service web: a list of it is not understood/u],
  ] as const) {
    it(`I9: is refused with ${name} that is not known to be harmless`, async () => {
      const web: JsonObject = { image: "app:1", [name]: structuredClone(value) as JsonObject };
      await assert.rejects(check("compose up", { web }), { code: "COMPOSE_REFUSED", message });
    });
  }

  it("I9: is refused when the project as a whole includes something", async () => {
    const top = { include: ["x.yaml"] };
    await assert.rejects(check("compose up", {}, { top }), { message: /^the project has include, which may/u });
    await check("compose up", {}, { top: { "x-y": 1, networks: {}, volumes: {} } });
  });
});
