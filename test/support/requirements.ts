/** What a suite needs from the machine, and the sentence that says what is missing. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { findGoPeer, type GoPeer } from "./go-peers.ts";
import { findExecutable } from "./processes.ts";

/** Programs the project did not write and does not bring along. */
export type Peer =
  | "age"
  | "docker"
  | "docker 28"
  | "docker 29"
  | "dockerd"
  | "registry"
  | "registry 3"
  | "notary"
  | "postgres"
  | "mariadb"
  | "galera"
  | "openssl"
  | "skopeo"
  | "podman"
  | "buildah"
  | "softhsm"
  | "busybox"
  | "python"
  | "wrk"
  | "strace"
  | "systemd"
  | "sqlite3"
  | "faketime"
  | "curl"
  | "zsh"
  | "zstd"
  | "machine"
  | "npm"
  | "compose"
  | "compose 5"
  | "htpasswd"
  | "jq"
  | "buildkit"
  | "buildx"
  | "conformance"
  | "containerd 1"
  | "containerd 2"
  | "crane"
  | "oras"
  | "vault"
  | "promtool"
  | "roff"
  | "installer"
  | "ruby"
  | "packaging"
  | "emulator"
  | "deploy tools";

const executables: Readonly<Record<Peer, readonly string[]>> = {
  age: ["age", "age-keygen"],
  docker: ["docker"],
  "docker 28": ["docker"],
  "docker 29": [],
  dockerd: ["dockerd"],
  registry: ["docker-registry"],
  "registry 3": [],
  notary: ["notary", "notary-server", "notary-signer", "openssl"],
  postgres: ["postgres", "initdb", "psql", "setpriv"],
  mariadb: ["mariadbd", "mariadb", "mariadb-install-db"],
  galera: ["mariadbd", "mariadb", "mariadb-install-db", "rsync", "ip", "nsenter", "unshare"],
  openssl: ["openssl"],
  skopeo: ["skopeo"],
  podman: ["podman"],
  buildah: ["buildah"],
  softhsm: ["softhsm2-util"],
  busybox: ["busybox"],
  python: ["python3"],
  sqlite3: ["sqlite3"],
  faketime: ["faketime"],
  curl: ["curl"],
  zsh: ["zsh"],
  zstd: ["zstd"],
  machine: ["unshare", "nsenter", "ip", "mount", "bash", "curl"],
  npm: ["npm"],
  compose: ["docker-compose"],
  "compose 5": ["docker"],
  htpasswd: ["htpasswd"],
  jq: ["jq"],
  strace: ["strace"],
  systemd: ["systemd-analyze", "systemctl", "setpriv", "strace"],
  "deploy tools": ["busybox"],
  wrk: ["wrk"],
  buildkit: ["runc"],
  buildx: ["docker"],
  conformance: [],
  "containerd 1": ["containerd", "ctr", "runc"],
  "containerd 2": ["runc"],
  crane: [],
  oras: [],
  vault: [],
  promtool: ["promtool"],
  installer: ["curl", "wget", "dash", "bash", "busybox", "shasum", "openssl", "setpriv", "shellcheck"],
  ruby: ["ruby"],
  packaging: ["dpkg", "dpkg-deb", "rpm", "rpmbuild"],
  emulator: ["qemu-aarch64"],
  roff: ["mandoc", "groff"],
};

/** Programs that `npm run peers` builds. */
const goPeers: ReadonlyMap<Peer, readonly GoPeer[]> = new Map([
  ["buildkit", ["buildkitd", "buildctl", "buildkit-reader"]],
  ["buildx", ["buildx"]],
  ["compose 5", ["docker-compose"]],
  ["conformance", ["conformance"]],
  ["containerd 2", ["containerd", "ctr", "crictl"]],
  ["docker 29", ["docker"]],
  ["registry 3", ["registry"]],
  ["crane", ["crane"]],
  ["oras", ["oras"]],
  ["vault", ["vault-transit"]],
]);

/** helm and schemas, which are too large to come with every `npm ci`. */
const deployPackages = resolve(import.meta.dirname, "../../deploy/node_modules");

const needsRoot: ReadonlySet<Peer> = new Set([
  "dockerd",
  "postgres",
  "mariadb",
  "galera",
  "systemd",
  "machine",
  "buildkit",
  "containerd 1",
  "containerd 2",
]);

function dockerVersion(): number {
  const version = execFileSync("docker", ["--version"], { encoding: "utf8" });
  return Number(/version (\d+)\./u.exec(version)?.[1] ?? 0);
}

function lacking(peer: Peer): string[] {
  const missing = executables[peer].filter((name) => findExecutable(name) === undefined);
  // docker 29 dropped content trust from push, pull and `docker trust`
  if (missing.length === 0 && peer === "docker" && dockerVersion() >= 29) missing.push("docker 28 or older");
  if (missing.length === 0 && peer === "docker 28" && dockerVersion() !== 28) missing.push("docker 28");
  for (const name of goPeers.get(peer) ?? []) {
    if (findGoPeer(name) === undefined) missing.push(`${name} (npm run peers)`);
  }
  if (peer === "deploy tools" && !existsSync(deployPackages)) missing.push("the packages of deploy/ (npm ci in it)");
  if (missing.length === 0 && needsRoot.has(peer) && process.getuid?.() !== 0) missing.push(`root (to start ${peer})`);
  return missing;
}

/**
 * What of `peers` this machine lacks, as the `skip` option of `describe` and `test` wants it: a reason, or false when
 * nothing is missing. `describe("…", { skip: missingPeers(["notary"]) }, …)`.
 */
export function missingPeers(peers: readonly Peer[]): string | false {
  const missing = [...new Set(peers.flatMap(lacking))];
  return missing.length === 0 ? false : `not on this machine: ${missing.join(", ")}`;
}

/** Skips the running test and returns false when a peer is missing: `if (!requirePeers(t, ["notary"])) return;`. */
export function requirePeers(t: { skip(message?: string): void }, peers: readonly Peer[]): boolean {
  const missing = missingPeers(peers);
  if (missing !== false) t.skip(missing);
  return missing === false;
}
