/**
 * Notary v1: file bytes, the table of deviations. The reference answers 200 to each of these and every reader fails from then on; here each
 * is refused, the repository stays as it is, and what the reference's readers can live with is accepted and stays readable.
 */

import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { describe, test } from "node:test";
import type { JsonObject } from "../../src/encoding/json.ts";
import { now } from "../support/editing-story.ts";
import { fileText, forged, serverStory } from "../support/validating-server.ts";
import type { ServerStory } from "../support/validating-server.ts";

type Signed = JsonObject & { readonly targets: JsonObject; readonly delegations: JsonObject };

const notOneForm = /^targets is not in the one form whose hash all readers agree on: at byte \d+ it has /;

/** Files whose text is no reference sender's, although the signatures hold. */
const otherTexts: readonly (readonly [string, (text: string) => string])[] = [
  ["a final newline", (text) => `${text}\n`],
  ["leading white space", (text) => ` ${text}`],
  ["indentation", (text) => JSON.stringify(JSON.parse(text), null, 2)],
  ["signatures before signed", (text) => swapped(text)],
  [
    "other member order in signatures",
    (text) => text.replace(/\{"keyid":("[^"]+"),"method":("[^"]+"),/, '{"method":$2,"keyid":$1,'),
  ],
  ["an upper-case method", (text) => text.replace('"method":"ecdsa"', '"method":"ECDSA"')],
  ["an unknown member in a signature", (text) => text.replace('"method"', '"comment":"x","method"')],
  ["an unknown member beside signed", (text) => text.replace(/\}$/, ',"comment":"x"}')],
  ["an escape nobody writes", (text) => text.replace('"Targets"', String.raw`"\u0054argets"`)],
  ["an escaped slash", (text) => text.replace('"targets/alice"', String.raw`"targets\/alice"`)],
  ["a raw < in a name", (text) => text.replace(String.raw`\u003ctag\u003e`, "<tag>")],
  ["a raw & in custom", (text) => text.replace(String.raw`\u0026`, "&")],
  ["a raw U+2028 in custom", (text) => text.replace(String.raw`\u2028`, "\u2028")],
  ["a raw U+2029 in custom", (text) => text.replace(String.raw`\u2029`, "\u2029")],
  [
    "another order of members in signed",
    (text) => text.replace(/"_type":"Targets",(.*),"version":2\}/, '"version":2,$1,"_type":"Targets"}'),
  ],
];

/** Content no reference sender writes, well signed in the reference's form. */
const otherContents: readonly (readonly [string, (signed: Signed) => void])[] = [
  ["an unknown member in signed", (signed) => (signed["spec_version"] = "1.0")],
  ["expires with .500Z", (signed) => (signed["expires"] = "2027-01-01T00:00:00.500Z")],
  ["expires with .000Z", (signed) => (signed["expires"] = "2027-01-01T00:00:00.000Z")],
  ["expires with +00:00", (signed) => (signed["expires"] = "2027-01-01T00:00:00+00:00")],
  ["delegations absent", (signed) => delete (signed as JsonObject)["delegations"]],
  ["delegations null", (signed) => ((signed as JsonObject)["delegations"] = null)],
  ["delegations.keys null", (signed) => Object.assign(signed.delegations, { keys: null, roles: null })],
  ["delegations.roles absent", (signed) => delete signed.delegations["roles"]],
  ["a delegation role with no paths but []", (signed) => Object.assign(firstRole(signed), { paths: [] })],
  ["a delegation role with paths null", (signed) => Object.assign(firstRole(signed), { paths: null })],
  ["an unknown member in a delegation role", (signed) => Object.assign(firstRole(signed), { terminating: true })],
  ["custom null", (signed) => (signed.targets["v1"] = { ...(signed.targets["v1"] as JsonObject), custom: null })],
  [
    "an unknown member in a target",
    (signed) => (signed.targets["v1"] = { ...(signed.targets["v1"] as JsonObject), size: 1 }),
  ],
  [
    "a second spelling of a target's length",
    (signed) => (signed.targets["v1"] = { ...(signed.targets["v1"] as JsonObject), Length: 1 }),
  ],
];

/** Content that is no metadata at all, or that no reader should meet; each with its own words. */
const refusedContents: readonly (readonly [string, (signed: Signed) => void, RegExp])[] = [
  [
    "a target without length",
    (signed) => delete (signed.targets["v1"] as JsonObject)["length"],
    /target "v1": length must be a natural number/,
  ],
  [
    "a negative length",
    (signed) => Object.assign(signed.targets["v1"] as JsonObject, { length: -1 }),
    /length must be a natural number/,
  ],
  [
    "a target without hashes",
    (signed) => delete (signed.targets["v1"] as JsonObject)["hashes"],
    /hashes must be an object/,
  ],
  [
    "a hash that is not base64",
    (signed) => Object.assign(signed.targets["v1"] as JsonObject, { hashes: { sha256: "!" } }),
    /hashes must be base64/,
  ],
  [
    "an empty target name",
    (signed) => (signed.targets[""] = signed.targets["v1"] as JsonObject),
    /a target name must not be empty/,
  ],
  [
    "a target name with ..",
    (signed) => (signed.targets["../../etc/passwd"] = signed.targets["v1"] as JsonObject),
    /contains a "\.\." segment/,
  ],
  [
    "a target name with C1 control characters",
    (signed) => (signed.targets["a\u0085b"] = signed.targets["v1"] as JsonObject),
    /contains control characters/,
  ],
  ["version 0", (signed) => (signed["version"] = 0), /version cannot be less than one/],
  [
    "version 2^31",
    (signed) => (signed["version"] = 2 ** 31),
    /targets has version 2147483648, the highest accepted now is/,
  ],
  [
    "a version that uses the numbers up",
    (signed) => (signed["version"] = 2 ** 31 - 1),
    /the highest accepted now is 1048577/,
  ],
  ["a time that is none", (signed) => (signed["expires"] = "tomorrow"), /expires is not an RFC 3339 time/],
  ["another type", (signed) => (signed["_type"] = "targets"), /expected type Targets, not "targets"/],
  ["a private key", (signed) => (firstKey(signed)["private"] = "c2VjcmV0"), /carries a private key/],
  [
    "one delegation twice",
    (signed) => (signed.delegations["roles"] as JsonObject[]).push(firstRole(signed)),
    /declares a delegation role twice/,
  ],
];

/** What readers can live with. */
const accepted: readonly (readonly [string, (signed: Signed) => void])[] = [
  ["expires without a fraction", (signed) => (signed["expires"] = "2027-01-01T00:00:00Z")],
  ["expires with .5Z", (signed) => (signed["expires"] = "2027-01-01T00:00:00.5Z")],
  ["expires with nanoseconds", (signed) => (signed["expires"] = "2027-01-01T00:00:00.123456789Z")],
  ["expires in Tokyo", (signed) => (signed["expires"] = "2027-01-01T00:00:00+09:00")],
  ["a delegation role without paths", (signed) => delete firstRole(signed)["paths"]],
  ["a delegation role whose keyids are null", (signed) => Object.assign(firstRole(signed), { keyids: null })],
  ["a delegation role whose keyids are []", (signed) => Object.assign(firstRole(signed), { keyids: [] })],
  ["delegations.roles null", (signed) => Object.assign(signed.delegations, { keys: {}, roles: null })],
  ["delegations.roles []", (signed) => Object.assign(signed.delegations, { keys: {}, roles: [] })],
  ["targets null", (signed) => ((signed as JsonObject)["targets"] = null)],
  ["targets {}", (signed) => ((signed as JsonObject)["targets"] = {})],
  [
    "a target with only an unknown hash",
    (signed) => Object.assign(signed.targets["v1"] as JsonObject, { hashes: { md5: "AAAA" } }),
  ],
  [
    "a digest of the wrong length, of no use to anybody but in nobody's way",
    (signed) => Object.assign(signed.targets["v1"] as JsonObject, { hashes: { sha256: "AAAA" } }),
  ],
  [
    "nested custom data",
    (signed) =>
      (signed.targets["v1"] = { ...(signed.targets["v1"] as JsonObject), custom: { a: [true, null, { b: "<&>" }] } }),
  ],
  [
    "a name with two dots that is no segment",
    (signed) => (signed.targets["v1..2"] = signed.targets["v1"] as JsonObject),
  ],
  [
    "a name beyond the first plane",
    (signed) => (signed.targets["\u{1F600}\uFFFD"] = signed.targets["v1"] as JsonObject),
  ],
  [
    "a name called __proto__",
    (signed) =>
      Object.defineProperty(signed.targets, "__proto__", {
        value: signed.targets["v1"],
        enumerable: true,
        configurable: true,
        writable: true,
      }),
  ],
];

describe("I8: refused although the signatures hold, and the repository stays as it was:", () => {
  for (const [what, rewrite] of otherTexts) {
    test(what, async () => {
      const story = await serverStory();
      const honest = Buffer.from(await nextTargets(story, withSpecialCharacters)).toString();
      const text = rewrite(honest);
      ok(text !== honest, "the deviation is there");
      await refused(story, Buffer.from(text), notOneForm);
    });
  }

  for (const [what, change] of otherContents) {
    test(what, async () => {
      const story = await serverStory();
      await refused(story, await nextTargets(story, change), notOneForm);
    });
  }

  for (const [what, change, message] of refusedContents) {
    test(what, async () => {
      const story = await serverStory();
      await refused(story, await nextTargets(story, change), message);
    });
  }

  test("a signature in the name of a key of the role, which that key did not make", async () => {
    const story = await serverStory();
    const other = "A".repeat(86) + "==";
    const next = Buffer.from(await nextTargets(story, () => undefined)).toString();
    const text = next.replace(/"signatures":\[(\{[^}]*\})\]/, (_, one: string) => {
      const pretended = one.replace(/"sig":"[^"]*"/, `"sig":"${other}"`);
      return `"signatures":[${one},${pretended}]`;
    });
    ok(text !== next, "the deviation is there");
    await refused(
      story,
      Buffer.from(text),
      /^targets carries a signature in the name of [0-9a-f]{64} that is not by that key$/,
    );
  });

  test("a duplicate member", async () => {
    const story = await serverStory();
    const text = Buffer.from(await nextTargets(story, () => undefined)).toString();
    await refused(story, Buffer.from(text.replace('"version":2', '"version":2,"version":2')), /is not valid JSON/);
  });

  test("a number with a fraction in custom data", async () => {
    const story = await serverStory();
    const text = Buffer.from(await nextTargets(story, withSpecialCharacters)).toString();
    await refused(story, Buffer.from(text.replace('"custom":{', '"custom":{"a":1.5,')), /is not valid JSON/);
  });

  test("a target outside the paths of its delegation", async () => {
    const story = await serverStory();
    const alice = await forged(
      story.server.bytesOf("targets/alice"),
      (signed) => {
        signed["version"] = 2;
        (signed["targets"] as JsonObject)["b1"] = (signed["targets"] as JsonObject)["a1"] as JsonObject;
      },
      [story.keys.alice],
      story.held,
    );
    await refused(
      story,
      alice,
      /^targets\/alice may not sign "b1": its paths do not cover that name$/,
      "targets/alice",
    );
  });

  test("the hint says what to send instead", async () => {
    const story = await serverStory();
    const bytes = Buffer.concat([await nextTargets(story, () => undefined), Buffer.from("\n")]);
    await rejects(story.server.upload(new Map([["targets", bytes]])), {
      hint: "Send the file as the reference client writes it: no white space, no unknown members, members in order.",
      message: /it has "\\n", expected nothing$/,
    });
  });
});

describe("accepted, and readable afterwards:", () => {
  for (const [what, change] of accepted) {
    test(what, async () => {
      const story = await serverStory();
      const bytes = await nextTargets(story, change);
      await story.server.upload(new Map([["targets", bytes]]));
      deepEqual((await story.server.read(now)).targets.bytes, bytes);
    });
  }
});

async function refused(story: ServerStory, bytes: Uint8Array, message: RegExp, role = "targets"): Promise<void> {
  const before = story.server.state;
  await rejects(story.server.upload(new Map([[role, bytes]])), {
    code: "UPDATE_REFUSED",
    kind: "ErrBadTargets",
    message,
  });
  equal(story.server.state, before, "nothing was stored");
  await story.server.read();
}

/** The stored targets, changed, one version up, well signed. */
async function nextTargets(story: ServerStory, change: (signed: Signed) => void): Promise<Uint8Array> {
  const step = (signed: JsonObject): void => {
    signed["version"] = 2;
    change(signed as Signed);
  };
  return await forged(story.server.bytesOf("targets"), step, [story.keys.targets], story.held);
}

function withSpecialCharacters(signed: Signed): void {
  const target = signed.targets["v1"] as JsonObject;
  signed.targets["<tag>"] = { ...target, custom: { text: "&\u2028\u2029" } };
}

function firstRole(signed: Signed): JsonObject {
  const [role] = signed.delegations["roles"] as JsonObject[];
  ok(role);
  return role;
}

function firstKey(signed: Signed): JsonObject {
  const [key] = Object.values(signed.delegations["keys"] as { [id: string]: JsonObject });
  ok(key);
  return key["keyval"] as JsonObject;
}

function swapped(text: string): string {
  const at = text.lastIndexOf(',"signatures":');
  return `{${text.slice(at + 1, -1)},${text.slice(1, at)}}`;
}

test("the stories' own files are in reference form", async () => {
  const story = await serverStory();
  const signed: JsonObject = { b: 1, a: "<" };
  equal(await fileText(signed, [], story.held), String.raw`{"signed":{"a":"\u003c","b":1},"signatures":[]}`);
});
