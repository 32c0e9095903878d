/**
 * `npm run image`: the build contexts of both container images, the server's in `dist/image/` and the client's in `dist/image-client/` (or
 * in the directory named on the command line, and beside it).
 */
import { rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { hostTarget } from "./bun.ts";
import { currentVersion } from "./edition.ts";
import { buildExecutable } from "./executable-build.ts";
import { writeClientImage, writeServerImage } from "./image-contents.ts";

const root = resolve(import.meta.dirname, "..");
const server = resolve(process.argv[2] ?? join(root, "dist", "image"));
const client = `${server}-client`;
const version = currentVersion();

writeServerImage(server);
const executable = `${client}-executable`;
buildExecutable(hostTarget(), executable);
writeClientImage(client, executable);
rmSync(executable);
process.stdout.write(`${server} and ${client} are ready:
  docker build -t tagseal:${version} --build-arg VERSION=${version} -f ${join(root, "deploy/docker/Dockerfile")} ${server}
  docker build -t tagseal-client:${version} --build-arg VERSION=${version} -f ${join(root, "deploy/docker/client.Dockerfile")} ${client}\n`);
