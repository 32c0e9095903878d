/** The lists of tags that a gateway gives: what is signed, or what the registry lists where no rule is enforced. */
import assert from "node:assert/strict";
import { afterEach, before, describe, it } from "node:test";
import type { RegistryHooks } from "../../src/sandbox/registry/registry-hooks.ts";
import { gatewayStory, type StoryGateway } from "../support/gateway-story.ts";
import { reply } from "../support/story-server.ts";

const story = gatewayStory();

interface Listed {
  readonly status: number;
  readonly tags: readonly string[] | undefined;
  readonly next: string | undefined;
}

/** @param query as a client follows it: `?n=1` */
async function listed(gateway: StoryGateway, repository: string, query = ""): Promise<Listed> {
  const answer = await gateway.ask(repository, `tags/list${query}`);
  const { tags } = (await answer.json()) as { tags?: string[] };
  const [next] = /(?<=<[^?]*)\?[^>]*(?=>; rel="next")/u.exec(answer.headers.get("link") ?? "") ?? [];
  return { status: answer.status, tags, next };
}

describe("the list of tags", () => {
  let intercept: RegistryHooks["intercept"];
  before(() => (intercept = story.registry.hooks.intercept));
  afterEach(() => (story.registry.hooks.intercept = intercept));

  for (const mode of ["skip", "audit"]) {
    const rule = mode === "audit" ? { firstUse: true, mode } : { mode };

    it(`is the registry's where the mode of the rule is ${mode}`, async () => {
      const [mixed, unsigned] = [`${mode}/app`, `${mode}/unsigned`];
      await story.publish(mixed, "v1");
      for (const name of [mixed, unsigned]) await story.publish(name, "raw", "raw", "unsigned");
      const gateway = await story.gateway({ rules: { [story.registry.host]: rule } });
      for (const name of [mixed, unsigned]) assert.equal((await gateway.ask(name, "manifests/raw")).status, 200, name);
      assert.deepEqual((await listed(gateway, mixed)).tags, ["raw", "v1"]);
      assert.deepEqual((await listed(gateway, unsigned)).tags, ["raw"]);
      const first = await listed(gateway, mixed, "?n=1");
      assert.deepEqual(first.tags, ["raw"]);
      const second = await listed(gateway, mixed, first.next);
      assert.deepEqual([second.tags, second.next], [["v1"], undefined]);
      assert.equal((await listed(gateway, `${mode}/absent`)).status, 404);
    });
  }

  it("goes on where the registry says, also in words that are not those of the specification, and passes on no other word of a client", async () => {
    const asked: string[] = [];
    const answers = new Map([
      ["?n=2", '</v2/pages/app/tags/list?next_page=a%26b&n=2>; rel="next"'],
      ["?n=2&next_page=a%26b", '</v2/pages/app/tags/list?cursor=3>; rel="next"'],
    ]);
    story.registry.hooks.intercept = ({ url = "" }, response) => {
      if (!url.includes("/tags/list")) return false;
      const query = url.slice(url.indexOf("?"));
      asked.push(query);
      const link = answers.get(query);
      const body = JSON.stringify({ name: "pages/app", tags: [`t${asked.length}`] });
      reply(response, 200, body, link === undefined ? {} : { link });
      return true;
    };
    const gateway = await story.gateway({ rules: { [story.registry.host]: { mode: "skip" } } });
    const first = await listed(gateway, "pages/app", "?n=2&admin=true");
    const second = await listed(gateway, "pages/app", first.next);
    const third = await listed(gateway, "pages/app", second.next);
    assert.deepEqual([first.tags, second.tags, third.tags], [["t1"], ["t2"], ["t3"]]);
    assert.deepEqual(asked, ["?n=2", "?n=2&next_page=a%26b", "?n=2&last=t2"]);
    assert.equal((await listed(gateway, "pages/app", `?last=${"x".repeat(5_000)}`)).status, 400);
    assert.equal((await listed(gateway, "pages/app", "?n=much")).status, 400);
  });

  it("I9: keeps the tags that a rule names: enforced ones must be signed, and others need not be", async () => {
    for (const tag of ["dev", "raw", "v1", "v2"])
      await story.publish("own/app", tag, tag, tag.startsWith("v") ? "signed" : "unsigned");
    const gun = `${story.registry.host}/own/app`;
    const lenient = { [story.registry.host]: { mode: "skip" }, [`${gun}:raw`]: { firstUse: true } };
    assert.deepEqual((await listed(await story.gateway({ rules: lenient }), "own/app")).tags, ["dev", "v1", "v2"]);
    const skipped = Object.fromEntries(["dev", "absent"].map((tag) => [`${gun}:${tag}`, { mode: "skip" }]));
    const strict = { [story.registry.host]: { firstUse: true }, ...skipped };
    const gateway = await story.gateway({ rules: strict });
    assert.deepEqual((await listed(gateway, "own/app")).tags, ["dev", "v1", "v2"]);
    assert.deepEqual((await listed(gateway, "own/app", "?n=1")).tags, ["dev"]);
  });

  it("I9: is refused where nothing is signed and the rule is enforced, and nothing is asked of the registry", async () => {
    await story.publish("none/app", "raw", "raw", "unsigned");
    const gateway = await story.gateway({ rules: { [story.registry.host]: { firstUse: true } } });
    story.asked.length = 0;
    assert.equal((await listed(gateway, "none/app")).status, 403);
    assert.deepEqual(story.asked, []);
  });
});
