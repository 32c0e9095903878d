/** The library's reference says what the sources say. */
import assert from "node:assert/strict";
import { mkdtempDisposableSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { it } from "node:test";
import { apiPage } from "../release/api-page.ts";
import { writeTypes } from "../release/types.ts";

/** What no program needs to name: how the classes of keys and connections are put together, and how signatures are collected. */
const inner = [
  "HttpClient",
  "JsonObject",
  "PassphraseKeeper",
  "Peer",
  "PeerRules",
  "PemBlock",
  "PemKeyStore",
  "PrivateKey",
  "ProposalPlace",
  "VerificationKey",
];
/** Types of the language. */
const language = [
  "AbortSignal",
  "Date",
  "Error",
  "Extract",
  "Omit",
  "Partial",
  "Pick",
  "Promise",
  "Readonly",
  "Record",
  "ReadonlyMap",
  "ReadonlySet",
  "Uint8Array",
];

it("docs/api.md is what npm run api-page writes, and explains every export", async () => {
  using types = mkdtempDisposableSync(join(tmpdir(), "tagseal-api-page-"));
  await writeTypes(types.path);
  const page = apiPage(types.path);
  assert.equal(readFileSync(resolve(import.meta.dirname, "../docs/api.md"), "utf8"), page, "run npm run api-page");
  const library = await import("../src/index.ts");
  for (const name of Object.keys(library)) assert.match(page, new RegExp(`^### ${name}\n\n[A-Z]`, "mu"));
});

it("a program can name each type that a function, a class or a contract of the library mentions", () => {
  const page = readFileSync(resolve(import.meta.dirname, "../docs/api.md"), "utf8");
  const reference = page.slice(page.indexOf("## Functions"));
  const declared = [...reference.matchAll(/^```ts\n([\s\S]*?)^```$/gmu)].map(([, text = ""]) => text).join("");
  const code = declared.replaceAll(/\/\*[\s\S]*?\*\/|"[^"]*"/gu, "");
  const exported = [...reference.matchAll(/^### (\w+)$/gmu)].map(([, name = ""]) => name);
  const known = new Set([...exported, ...inner, ...language]);
  const named = [...code.matchAll(/(?<![\w.])[A-Z]\w+/gu)].map(([name]) => name);
  assert.deepEqual(
    [...new Set(named)].filter((name) => !known.has(name)),
    [],
  );
});
