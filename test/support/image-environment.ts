/** What deploy/docker/Dockerfile sets for Node.js and the C library: long-running processes start with it in the image and in the systemd units. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Environment } from "./processes.ts";

const dockerfile = resolve(import.meta.dirname, "../../deploy/docker/Dockerfile");

/** The image's settings of memory: `NODE_OPTIONS`, and those of the C library's allocator. */
export function memorySettings(): ReadonlyMap<string, string> {
  const set = readFileSync(dockerfile, "utf8").matchAll(/^ENV ((?:NODE_OPTIONS|MALLOC_\w+))=(\S+)$/gmu);
  return new Map([...set].map(([, name = "", value = ""]) => [name, value]));
}

/** `env` with these settings; options of Node.js that it has stay. */
export function asInTheImage(env: Environment = {}): Environment {
  const { NODE_OPTIONS: options = "", ...others } = Object.fromEntries(memorySettings());
  return { ...others, ...env, NODE_OPTIONS: [env["NODE_OPTIONS"], options].filter(Boolean).join(" ") };
}
