/** Manual pages: readers of the format accept each of them, and show what help shows. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { after, before, describe, it } from "node:test";
import { completionNodes, type CompletionNode } from "../../src/cli/completion/completion-tree.ts";
import { exitStatuses, shownOptions } from "../../src/cli/help/help-text.ts";
import { manPages } from "../../src/cli/help/man-page.ts";
import { missingPeers, run, Scope } from "../support/peers.ts";

const root = resolve(import.meta.dirname, "../..");
const edition = { version: "1.2.3", date: new Date("2026-11-28T12:00:00Z") };
const nodes = await completionNodes();
const pages = manPages(nodes, edition);

it("are all in package.json, from where npm installs them", () => {
  const { man } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { readonly man: readonly string[] };
  assert.deepEqual(man, pages.map(({ file }) => `./dist/man/${file}`).toSorted());
});

const words = (text: string): string => text.replaceAll(/\s+/gu, " ");

/** What of a command a reader must find on its page, as it is typed. */
function expectedOn({ path, summary, children, description }: CompletionNode): string[] {
  const own = [
    `${`tagseal ${path}`.trim().replaceAll(" ", "-")} - ${description?.summary ?? summary}`,
    ...children.flatMap((child) => [
      `tagseal-${`${path} ${child.name}`.trim().replaceAll(" ", "-")}(1)`,
      child.summary,
    ]),
  ];
  if (description === undefined) return own;
  return [
    ...own,
    `tagseal ${path} ${description.usage}`.trim(),
    ...(description.description ?? []),
    ...shownOptions(description.options).flatMap(([name, option]) => [`--${name}`, option.help]),
    ...(description.examples ?? []).map(({ line }) => line),
    ...(description.environment ?? []).flat(),
    ...exitStatuses(description).flat(),
  ];
}

describe("manual pages", { skip: missingPeers(["roff"]) }, () => {
  const scope = new Scope("man");
  before(() => pages.forEach(({ file, text }) => writeFileSync(scope.path(file), text)));
  after(() => scope.close());

  const files = pages.map(({ file }) => scope.path(file));

  it("are without fault to mandoc, its questions of style included", async () => {
    const { code, stdout } = await run("mandoc", ["-T", "lint", "-W", "style", ...files]);
    assert.deepEqual([code, stdout], [0, ""]);
  });

  it("are without a warning to groff", async () => {
    const { code, stderr } = await run("groff", ["-man", "-ww", "-z", ...files]);
    assert.deepEqual([code, stderr], [0, ""]);
  });

  for (const [index, node] of nodes.entries()) {
    it(`tagseal ${node.path} shows what its help shows`, async () => {
      const { stdout } = await run("mandoc", ["-T", "utf8", "-O", "width=78", files[index] ?? ""]);
      // A printer strikes twice what is bold or underlined.
      const stripped = stdout.split(/.[\b]/u).join("");
      const shown = words(stripped);
      assert.deepEqual(
        expectedOn(node)
          .map(words)
          .filter((text) => !shown.includes(text)),
        [],
      );
      assert.match(shown, /Tagseal 1\.2\.3 2026-11-28 TAGSEAL/u);
    });
  }
});
