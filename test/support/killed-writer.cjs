/**
 * Loaded before a command that is killed in the middle of writing what a machine remembers: as soon as, or right before, the file with the number
 * `KILLED_AT` has got its place among the role files of a collection.
 */
const fs = require("node:fs/promises");
const { syncBuiltinESMExports } = require("node:module");

const [when, number] = (process.env["KILLED_AT"] ?? "").split(" ");
const { rename } = fs;
let files = 0;

async function killed() {
  process.kill(process.pid, "SIGKILL");
  await new Promise(() => undefined);
}

fs.rename = async (from, to) => {
  const isLast = String(to).includes("/metadata/") && (files += 1) === Number(number);
  if (isLast && when === "before") await killed();
  await rename(from, to);
  if (isLast) await killed();
};
syncBuiltinESMExports();
