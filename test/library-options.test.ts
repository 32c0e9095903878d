/** What the library can be told, the command line can be told, too, or docs/decisions/0027 says why not. */
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { before, describe, it } from "node:test";
import { type CompletionNode, completionNodes, visibleOptions } from "../src/cli/completion/completion-tree.ts";
import { libraryApi } from "./support/library-options.ts";

const root = resolve(import.meta.dirname, "..");

/** How a user says it, to which command. */
type Way =
  | { readonly flag: string; readonly of: string }
  | { readonly variable: string; readonly of: string }
  /** a word of the usage line */
  | { readonly argument: string; readonly of: string }
  /** one of the exit statuses, for what is not said with words */
  | { readonly exitCode: number; readonly of: string }
  /** the command itself decides */
  | { readonly command: string };

const configuration = { variable: "DOCKER_CONFIG", of: "verify" };
const image = { argument: "IMAGE[:TAG][@DIGEST]", of: "verify" };
const policy = { variable: "TAGSEAL_POLICY", of: "verify" };
const pins = { variable: "TAGSEAL_TRUST_PINNING", of: "verify" };

const ways: ReadonlyMap<string, Way> = new Map<string, Way>([
  ["openTrustContext.reference.registry", image],
  ["openTrustContext.reference.repository", image],
  ["openTrustContext.reference.tag", image],
  ["openTrustContext.reference.digest", image],
  ["openTrustContext.dockerConfigDir", configuration],
  ["openTrustContext.env", { variable: "DOCKER_CONTENT_TRUST_SERVER", of: "verify" }],
  ["openTrustContext.credentials", configuration],
  ["openTrustContext.login", { variable: "TAGSEAL_ENGINE", of: "pull" }],
  ["openTrustContext.passphrases", { flag: "passphrase-command", of: "sign" }],
  ["openTrustContext.access", { command: "sign" }],
  ["openTrustContext.askAhead", { command: "verify" }],
  ["openTrustContext.notify", { flag: "quiet", of: "sign" }],
  ["openTrustContext.pinning.certs", pins],
  ["openTrustContext.pinning.ca", pins],
  ["openTrustContext.pinning.disableTofu", pins],
  ["openTrustContext.pinning.required", policy],
  ["openTrustContext.maxStalenessMs", { flag: "max-staleness", of: "verify" }],
  ["openTrustContext.timestampLifetimeMs", { variable: "TAGSEAL_TIMESTAMP_LIFETIME", of: "verify" }],
  ["openTrustContext.mustRemember", { variable: "TAGSEAL_REQUIRE_TRUST_DIRECTORY", of: "verify" }],
  ["openTrustContext.mustExist", { flag: "no-init", of: "sign" }],
  ["openTrustContext.signal", { exitCode: 130, of: "verify" }],
  ["loadTrustPinning.path", pins],
  ["parsePolicy.text", policy],
  ["parsePolicy.from", policy],
  ["verifyTag.tag", image],
  ["verifyTag.expected", image],
  ["signTags.tags.tag", { argument: "IMAGE:TAG@DIGEST", of: "sign" }],
  ["signTags.tags.digest", { argument: "IMAGE:TAG@DIGEST", of: "sign" }],
  ["signTags.tags.length", { command: "sign" }],
  ["signTags.initialise", { command: "trust sign" }],
  ["revokeTags.tags", { argument: "IMAGE[:TAG]", of: "trust revoke" }],
  ["addSigner.name", { argument: "NAME", of: "trust signer add" }],
  ["addSigner.keys", { flag: "key", of: "trust signer add" }],
  ["removeSigner.name", { argument: "NAME", of: "trust signer remove" }],
  ["removeSigner.confirmLastSigner", { flag: "force", of: "trust signer remove" }],
  ["FileKeyStore.directory", { variable: "DOCKER_CONFIG", of: "trust key generate" }],
  ["FileKeyStore.passphrases", { flag: "passphrase-command", of: "trust key generate" }],
  ["FileKeyStore.onWarning", { command: "trust key generate" }],
  ["initialiseCollection.root.certificate", { flag: "root-certificate", of: "trust init" }],
  ["initialiseCollection.root.key", { flag: "root-key", of: "trust init" }],
  ["initialiseCollection.root.more.key", { flag: "root-key", of: "trust init" }],
  ["initialiseCollection.root.more.certificate", { flag: "root-certificate", of: "trust init" }],
  ["initialiseCollection.root.threshold", { flag: "threshold", of: "trust init" }],
  ["addSpareRootKey.spare", { flag: "key", of: "trust root add-spare" }],
  ["addToDelegation.wanted.keys", { argument: "[KEYFILE...]", of: "trust delegation add" }],
  ["addToDelegation.wanted.paths", { flag: "paths", of: "trust delegation add" }],
  ["addToDelegation.wanted.role", { argument: "ROLE", of: "trust delegation add" }],
  ["addToDelegation.wanted.threshold", { flag: "threshold", of: "trust delegation add" }],
  ["expiryStatus.withinMs", { flag: "within", of: "trust status" }],
  ["purgeDelegationKeys.confirm", { flag: "force", of: "trust delegation purge" }],
  ["purgeDelegationKeys.keyIds", { flag: "key", of: "trust delegation purge" }],
  ["removeFromDelegation.confirm", { flag: "force", of: "trust delegation remove" }],
  ["removeFromDelegation.unwanted.allPaths", { flag: "all-paths", of: "trust delegation remove" }],
  ["removeFromDelegation.unwanted.keyIds", { argument: "[KEYID...]", of: "trust delegation remove" }],
  ["removeFromDelegation.unwanted.paths", { flag: "paths", of: "trust delegation remove" }],
  ["removeFromDelegation.unwanted.role", { argument: "ROLE", of: "trust delegation remove" }],
  ["tagHistory.maxSnapshots", { flag: "limit", of: "trust log" }],
  ["tagHistory.tag", { argument: "IMAGE[:TAG]", of: "trust log" }],
  ["witnessRoles.roles", { argument: "ROLE", of: "trust witness" }],
  ["rotateKey.force", { flag: "force", of: "trust key rotate" }],
  ["rotateKey.holder", { flag: "server-managed", of: "trust key rotate" }],
  ["rotateKey.keys", { flag: "key", of: "trust key rotate" }],
  ["rotateKey.memory", { command: "trust key rotate" }],
  ["rotateKey.removeOld", { flag: "remove-old", of: "trust key rotate" }],
  ["rotateKey.replace", { flag: "replace", of: "trust key rotate" }],
  ["rotateKey.threshold", { flag: "threshold", of: "trust key rotate" }],
  ["rotateKey.role", { command: "trust key rotate" }],
  ["fromCommand.command", { flag: "passphrase-command", of: "sign" }],
  ["fromCommand.environment", { command: "sign" }],
  ["fromEnvironment.environment", { variable: "DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE", of: "sign" }],
  ["fromEnvironment.fallback", { command: "sign" }],
  ["fromFileDescriptor.descriptor", { flag: "passphrase-fd", of: "sign" }],
]);

/** Values, and what makes and recognises them: they say something, and do nothing. */
const values = ["PublicKey", "TagsealError", "hasCode", "parseDigest", "parseImageReference"];

/** What is asked of policies is an image, and what `openTrustContext` opens. */
const ofPolicies = ["allowedDigest", "decideImage", "requirementsFor"];

const isValue = (option: string): boolean => [...values, ...ofPolicies].includes(option.split(".")[0] ?? "");

describe("what the library can be told", () => {
  let functions: readonly string[];
  let options: readonly string[];
  let commands: ReadonlyMap<string, CompletionNode>;
  const record = readFileSync(join(root, "docs/decisions/0027-what-only-the-library-can-say.md"), "utf8");
  const recorded = [...record.matchAll(/^\| `([\w.]+)` \| \S.+ \|$/gmu)].map((match) => match[1] ?? "");
  const commandLine = globSync("src/cli/**/*.ts", { cwd: root }).map((file) => readFileSync(join(root, file), "utf8"));

  before(async () => {
    const api = libraryApi(root);
    functions = api.functions.filter((name) => !isValue(name));
    options = api.options.filter((option) => !isValue(option));
    commands = new Map((await completionNodes()).map((node) => [node.path, node]));
  });

  it("is read from its types", () => {
    for (const known of ["openTrustContext.maxStalenessMs", "signTags.tags.digest", "openTrustContext.pinning.ca"])
      assert.ok(options.includes(known), known);
    assert.ok(functions.includes("listTags"));
  });

  it("has a place on the command line, or a reason why not, and only one of the two", () => {
    const places = [...ways.keys(), ...recorded.filter((entry) => entry.includes("."))];
    assert.deepEqual(places.toSorted(), options.toSorted());
  });

  it("is used there: every function is called, and every option given, unless the record has it", () => {
    const uncalled = functions.filter((name) => !commandLine.some((text) => text.includes(`${name}(`)));
    assert.deepEqual(uncalled.toSorted(), recorded.filter((entry) => !entry.includes(".")).toSorted());
    const opening = readFileSync(join(root, "src/cli/open/trust.ts"), "utf8");
    const given = [...ways.keys()].filter((option) => option.startsWith("openTrustContext."));
    const forgotten = given.filter((option) => !new RegExp(`\\b${option.split(".")[1]}\\b`, "u").test(opening));
    assert.deepEqual(forgotten, []);
  });

  it("can be said there as this test claims", () => {
    const wrong = [...ways].filter(([, way]) => !isOffered(way));
    assert.deepEqual(wrong, []);
  });

  function isOffered(way: Way): boolean {
    const node = commands.get("command" in way ? way.command : way.of);
    if (node?.description === undefined) return false;
    const { usage, environment = [], exitCodes = [] } = node.description;
    if ("flag" in way) return visibleOptions(node).some(([name]) => name === way.flag);
    if ("variable" in way) return environment.some(([name]) => name === way.variable);
    if ("argument" in way) return usage.split(" ").includes(way.argument);
    return "command" in way || exitCodes.some(([code]) => code === way.exitCode);
  }
});
