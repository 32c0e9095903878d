import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, it } from "node:test";
import { serverSettings, serverVariables } from "../src/server/configuration/server-settings.ts";
import { readSettings, variableFor } from "../src/server/configuration/settings.ts";
import type { SettingTable } from "../src/server/configuration/setting-table.ts";
import { signerSettings } from "../src/server/configuration/signer-settings.ts";

const reference = readFileSync(join(resolve(import.meta.dirname, ".."), "docs/server-settings.md"), "utf8");

function rowsOf(heading: string): string[] {
  const section = reference.split(`## ${heading}\n`)[1]?.split("\n## ")[0] ?? "";
  return [...section.matchAll(/^\| `.*$/gmu)].map(([row]) => row);
}

describe("the reference of settings", () => {
  const tables: Readonly<Record<string, SettingTable>> = { "The server": serverSettings, "The signer": signerSettings };
  for (const [heading, table] of Object.entries(tables)) {
    it(`${heading}: has every setting, in the program's own words, and no other`, () => {
      const expected = Object.entries(table).map(([name, { kind, help }]) => `| \`${name}\` | ${kind} | ${help} |`);
      assert.deepEqual(rowsOf(heading), expected);
    });

    it(`${heading}: no two settings share a variable`, () => {
      const variables = Object.keys(table).map(variableFor);
      assert.equal(new Set(variables).size, variables.length);
    });
  }

  it("shows a configuration that works", () => {
    const example = /```json\n([\s\S]*?)```/u.exec(reference)?.[1] ?? "";
    const file = { name: "example", directory: "/etc/tagseal", bytes: Buffer.from(example) };
    const settings = readSettings(serverSettings, { file, env: {}, prefixes: serverVariables });
    assert.equal(settings.text("auth.htpasswd"), "/etc/tagseal/users");
  });
});
