/** install.sh as a release has it: it knows the release's version, and its address if there is one. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { currentVersion } from "./edition.ts";

/** The script's file in a release. */
export const installScriptName = "install.sh";

/** The script. @param url where the files of the release are; without it, users must give an address */
export function installScript(url = ""): string {
  const source = readFileSync(join(import.meta.dirname, installScriptName), "utf8");
  return stamped(stamped(source, "release_version", currentVersion()), "release_url", url);
}

function stamped(script: string, name: string, value: string): string {
  const line = `\n${name}=""\n`;
  if (!script.includes(line)) throw new Error(`${installScriptName} has no line ${line.trim()}`);
  return script.replace(line, `\n${name}="${value}"\n`);
}
