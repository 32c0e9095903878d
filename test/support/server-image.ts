/**
 * The trust server's container image, built by a real engine. No base image can be fetched in a test: one with the same parts is made of
 * this machine's own files.
 */
import { copyFileSync, mkdirSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { writeServerImage } from "../../release/image-contents.ts";
import type { Client } from "./clients.ts";
import { runOk, type Scope } from "./processes.ts";

const root = resolve(import.meta.dirname, "../..");

/** The runtime that the image contains: the one this test runs on must be the packaged one, as it is under `npm test`. */
const packagedNode = join(root, "node_modules", `node-linux-${process.arch}`, "bin", "node");

/** What the Node.js binary is linked against, as absolute paths: `name => path (address)` and the loader, `path (address)`. */
async function sharedLibraries(): Promise<string[]> {
  const { stdout } = await runOk("ldd", [packagedNode]);
  return [...stdout.matchAll(/(\/\S+) \(0x/gu)].map((match) => match[1] ?? "");
}

/** Makes an image of glibc, libstdc++ and nothing else under the name `tag`. */
export async function importBaseImage(scope: Scope, client: Client, tag: string): Promise<void> {
  const base = scope.path("base");
  for (const library of await sharedLibraries()) {
    const copy = join(base, dirname(library), basename(library));
    mkdirSync(dirname(copy), { recursive: true });
    copyFileSync(library, copy);
  }
  await runOk("tar", ["-C", base, "-cf", scope.path("base.tar"), "."]);
  await client.dockerOk(["import", scope.path("base.tar"), tag]);
}

/** Prepares the build context as `npm run image` does and builds the Dockerfile on that base. */
export async function buildServerImage(scope: Scope, client: Client, tag: string, base: string): Promise<void> {
  const context = scope.path("image");
  writeServerImage(context);
  const dockerfile = join(root, "deploy/docker/Dockerfile");
  const args = ["--build-arg", `BASE=${base}`, "--build-arg", "VERSION=1.2.3", "--network", "none"];
  await client.dockerOk(["build", "-q", "-t", tag, ...args, "-f", dockerfile, context]);
}
