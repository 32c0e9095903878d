/**
 * The contents of the Linux packages: `tagseal`, the executable with its completions and manual pages; and `tagseal-server`, the trust server and
 * the signer on the Node.js they are tested on, as systemd services.
 */
import { cpSync, globSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { writeServerImage } from "./image-contents.ts";

const root = resolve(import.meta.dirname, "..");

/** One package, in any format. */
export interface LinuxPackage {
  readonly name: string;
  readonly summary: string;
  readonly description: string;
  /** its files, as they are to lie below `/` */
  readonly tree: string;
  /** files whose changes by an administrator are kept */
  readonly settings: readonly string[];
  /** systemd services that it brings */
  readonly services: readonly string[];
  /** the Debian packages it needs, and their names in RPM */
  readonly needs: { readonly deb: string; readonly rpm: readonly string[] };
  /** `process.arch` of the machines it is for */
  readonly architecture: string;
}

/** The two formats, which differ in their directories. */
export type PackageFormat = "deb" | "rpm";

const zsh: Readonly<Record<PackageFormat, string>> = {
  deb: "usr/share/zsh/vendor-completions/_tagseal",
  rpm: "usr/share/zsh/site-functions/_tagseal",
};

function put(tree: string, path: string, content: Buffer | string, mode = 0o644): void {
  const file = join(tree, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content, { mode });
}

const source = (path: string): Buffer => readFileSync(join(root, path));

/** gzip writes the time into its header unless it is left out, as here: zlib writes none. */
function compressed(content: Buffer): Buffer {
  return gzipSync(content, { level: 9 });
}

function putDocuments(tree: string, name: string, built: string): void {
  const directory = `usr/share/doc/${name}`;
  put(tree, `${directory}/changelog.gz`, compressed(source("CHANGELOG.md")));
  put(tree, `${directory}/copyright`, source("LICENSE"));
  put(tree, `${directory}/third-party.txt`, readFileSync(join(built, "commands.js.LEGAL.txt")));
}

/** Where the parts of the command's package are. */
export interface CommandParts {
  /** what build.ts wrote */
  readonly built: string;
  readonly executable: string;
  /** `process.arch` of the machines it is for */
  readonly architecture: string;
}

/** The package of the command, put together in `directory`. */
export function commandPackage(directory: string, format: PackageFormat, parts: CommandParts): LinuxPackage {
  const { built, executable, architecture } = parts;
  const tree = join(directory, `tagseal-${architecture}-${format}`);
  mkdirSync(join(tree, "usr/bin"), { recursive: true });
  cpSync(executable, join(tree, "usr/bin/tagseal"));
  put(tree, "usr/share/bash-completion/completions/tagseal", source("completions/tagseal.bash"));
  put(tree, "usr/share/fish/vendor_completions.d/tagseal.fish", source("completions/tagseal.fish"));
  put(tree, zsh[format], source("completions/_tagseal"));
  for (const page of readdirSync(join(built, "man"))) {
    put(tree, `usr/share/man/man1/${page}.gz`, compressed(readFileSync(join(built, "man", page))));
  }
  putDocuments(tree, "tagseal", built);
  return {
    name: "tagseal",
    summary: "content trust for container images",
    description:
      "Signs tags of container images, and delivers exactly what was signed: the maintained successor of Docker Content Trust and Notary v1.",
    tree,
    settings: [],
    services: [],
    needs: { deb: "libc6 (>= 2.17)", rpm: ["libc.so.6(GLIBC_2.17)(64bit)"] },
    architecture,
  };
}

/** The package of the server, for machines like this one, put together in `directory`. `built` is what build.ts wrote. */
export function serverPackage(directory: string, built: string): LinuxPackage {
  const tree = join(directory, "tagseal-server");
  const app = join(tree, "opt/tagseal");
  writeServerImage(app);
  rmSync(join(app, "data"), { recursive: true });
  const services = globSync(join(root, "deploy/systemd/*.service")).map((file) => basename(file));
  for (const name of services) put(tree, `usr/lib/systemd/system/${name}`, source(`deploy/systemd/${name}`));
  const settings = ["server.json", "signer.json"].map((name) => `etc/tagseal/${name}`);
  for (const path of settings) put(tree, path, source(`deploy/systemd/${basename(path)}`));
  putDocuments(tree, "tagseal-server", built);
  return {
    name: "tagseal-server",
    summary: "trust server and signer for container images",
    description:
      "Serves the Notary v1 protocol to docker, notary and tagseal, from an embedded or a shared database, with the keys in the server or in a signer. Brings Node.js along.",
    tree,
    settings: settings.map((path) => `/${path}`),
    services,
    needs: {
      deb: "libc6 (>= 2.28), libstdc++6 (>= 9)",
      rpm: ["libc.so.6(GLIBC_2.28)(64bit)", "libstdc++.so.6()(64bit)"],
    },
    architecture: process.arch,
  };
}
