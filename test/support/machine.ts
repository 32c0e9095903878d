/**
 * A machine for what a guide tells its readers to do: `cp … /etc/tagseal/` and `--listen 0.0.0.0:4443` as they stand, without a change to the
 * machine the test runs on. It is a mount namespace in which writes to the usual places go into memory, and a network namespace whose ports are
 * all free and in which the names that documentation uses, such as trust.example.com, are its own. Programs and temporary files are shared.
 */
import { appendFileSync, copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { certificates, type Certificates } from "./certificates.ts";
import { readText, run, type Environment, type Scope } from "./processes.ts";
import { openShell, type Shell } from "./shell.ts";

/** Such a machine with a shell of its administrator's. It is gone when the scope closes. */
export interface Machine extends Shell {
  /** Words before a command that make it run there; the process ID is the command's own. */
  readonly enter: readonly string[];
  /** Where the test finds a file of that machine. */
  path(file: string): string;
  /** Whether a URL answers there with success, and with `text` in what it answers. */
  answers(url: string, text?: string): Promise<boolean>;
}

/** Names that documentation uses, each of which is this machine. */
const documentedHosts = [
  ...["trust", "registry", "notary", "db", "db1", "db2", "db3"].map((name) => `${name}.example.com`),
  // Docker Hub's registry: what stands at registry.example.com stands in its place, too.
  "registry-1.docker.io",
];

/** A certificate for all of them. */
export function documentedCertificate(scope: Scope): Promise<Certificates> {
  return certificates(scope, "documented", documentedHosts);
}

/** Puts it where the machine's shell is: `ca.crt`, `server.crt` and `server.key`. */
export async function placeCertificate(scope: Scope, { directory }: Shell): Promise<void> {
  const { ca, serverCertificate, serverKey } = await documentedCertificate(scope);
  copyFileSync(ca, join(directory, "ca.crt"));
  copyFileSync(serverCertificate, join(directory, "server.crt"));
  copyFileSync(serverKey, join(directory, "server.key"));
}

const changed = ["/etc", "/media", "/opt", "/root", "/var/lib"];

/** What is written on an overlay needs a place that is none itself, as a container's root is one: memory. */
const preparation = `
over=$1
shift
mount -t tmpfs tmpfs "$over"
for place; do
  mkdir -p "$over$place" "$over/work$place"
  mount -t overlay overlay -o "lowerdir=$place,upperdir=$over$place,workdir=$over/work$place" "$place"
done
ip link set lo up
echo "127.0.0.1 $hosts" >> /etc/hosts
echo ready
exec sleep infinity`;

/**
 * Makes one, whose shell also knows `env`, and in which writes to `more` places go into memory. With a `shared` network it reaches the servers of
 * the test. Needs root.
 */
export async function startMachine(
  scope: Scope,
  env: Environment = {},
  more: readonly string[] = [],
  network: "own" | "shared" = "own",
): Promise<Machine> {
  const over = scope.path("machine");
  mkdirSync(over);
  const namespaces = [
    "--mount",
    ...(network === "own" ? ["--net"] : []),
    "sh",
    "-ec",
    preparation,
    "sh",
    over,
    ...changed,
    ...more,
  ];
  const { pid } = await scope.start("machine", "unshare", namespaces, {
    env: { hosts: documentedHosts.join(" ") },
    ready: (log) => log().includes("ready"),
  });
  const namespace = [`--mount=/proc/${pid}/ns/mnt`, `--net=/proc/${pid}/ns/net`];
  return {
    ...openShell(scope, ["nsenter", ...namespace], { HOME: "/root", ...env }),
    enter: ["nsenter", ...namespace],
    path: (file) => `/proc/${pid}/root${file}`,
    async answers(url, text = "") {
      const { code, stdout } = await run("nsenter", [...namespace, "curl", "-sfk", "--max-time", "5", url]);
      return code === 0 && stdout.includes(text);
    },
  };
}

/** A command as it is run on a machine, or here without one. */
export function commandOn(
  machine: Pick<Machine, "enter"> | undefined,
  ...command: readonly string[]
): [string, ...string[]] {
  const [program = "", ...args] = [...(machine?.enter ?? []), ...command];
  return [program, ...args];
}

/** Makes the authority of {@link documentedCertificate} one that programs on the machine trust, as if it were a public one. */
export async function trustDocumented(scope: Scope, machine: Machine): Promise<Environment> {
  const { ca } = await documentedCertificate(scope);
  appendFileSync(machine.path("/etc/ssl/certs/ca-certificates.crt"), `\n${readText(ca)}`);
  return { NODE_EXTRA_CA_CERTS: ca };
}
