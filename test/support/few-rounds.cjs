/**
 * Loaded before a test's process, and before the commands that it starts: what is written there stretches its passphrase little; keys as often as
 * those of docker, 2,048 times instead of 600,000. The stretching alone would take half of the processor time of suites that make keys.
 * Nothing that users get is changed: `src/keys/file-key-store.test.ts`, `src/keys/backup/age-file.test.ts` and `test/differences.test.ts` show that.
 */
const { registerHooks } = require("node:module");
const path = require("node:path");
const { pathToFileURL } = require("node:url");

const keys = [/(?<=\bdefaultIterations ?= ?)(?:600_000|6e5)\b/u, "2048"];
/** The logarithm of it. */
const backups = [/(?<=\bscryptWorkFactor ?= ?)18\b/u, "8"];
const inCheckout = (file) => pathToFileURL(path.resolve(__dirname, "../..", file)).href;
/** What is written otherwise in each module. */
const modules = new Map([
  [inCheckout("src/keys/key-file.ts"), [keys]],
  [inCheckout("node_modules/age-encryption/dist/index.js"), [backups]],
  [inCheckout("dist/publishing.js"), [keys]],
  [inCheckout("dist/commands.js"), [backups]],
]);

/** The suites beside the sources name the rounds themselves, and show the defaults. */
const isUnitTest = /\/src\/.*\.test\.ts$/u.test(process.argv[1] ?? "");

function load(url, context, next) {
  const loaded = next(url, context);
  const changes = modules.get(url);
  if (changes === undefined) return loaded;
  let source = String(loaded.source);
  for (const [pattern, rounds] of changes) {
    if (!pattern.test(source)) throw new Error(`${url} does not say how often it stretches passphrases`);
    source = source.replace(pattern, rounds);
  }
  return { ...loaded, source };
}

// Older runtimes, which some suites start on purpose, have no such hooks.
if (!isUnitTest) registerHooks?.({ load });
