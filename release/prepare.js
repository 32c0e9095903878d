/**
 * What npm runs after `npm ci`: the build, if the runtime can run it. In JavaScript that old versions of Node.js understand: they get a
 * sentence instead of an error about TypeScript.
 */
const oldest = 24;

if (Number.parseInt(process.versions.node, 10) < oldest) {
  process.stderr.write(
    `\ntagseal: needs Node.js ${oldest} or newer, found ${process.versions.node} at ${process.execPath}.\n` +
      `hint: Install Node.js ${oldest}; on Linux with glibc, 'npm ci' without --omit=optional brings it along.\n\n`,
  );
  process.exitCode = 1;
} else {
  void import("../build.ts");
}
