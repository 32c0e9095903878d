/**
 * What npm runs after `npm ci` (as `preprepare`) and before `npm pack` (as `prepack`): the build, if the runtime can run it. In JavaScript that
 * old versions of Node.js understand: they get a sentence instead of an error about TypeScript. It is not called `prepare`, although npm
 * would run that at both times: of a package in a file npm warns that it has such a script, and then does not run it.
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
