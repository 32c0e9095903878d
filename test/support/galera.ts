/**
 * A Galera cluster of real MariaDB servers, each on a separate host in a network of the suite's own. Tests reach a node by its Unix
 * socket, whatever happens to the network between the nodes.
 */
import { accountNamed, ownedDirectory } from "./database.ts";
import { startSegment, type SegmentHost } from "./network-segment.ts";
import { findExecutable, run, runOk, waitUntil, type Running, type Scope } from "./processes.ts";

/** One node. */
export interface GaleraNode {
  readonly name: string;
  /** path of its Unix socket */
  readonly socket: string;
  /** Runs SQL as the superuser, and returns what came out, columns divided by tabs. */
  sql(script: string, database?: string): Promise<string>;
  /** Ends it, by default as a power cut would. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it again, and waits until it belongs to the cluster. */
  start(): Promise<void>;
  /** Cuts it off from the others, and back. */
  unplug(): Promise<void>;
  plug(): Promise<void>;
  /** Waits until it says of itself that it is, or is not, part of the majority and up to date. */
  becomes(state: "ready" | "cut off"): Promise<void>;
}

/** What runs. */
export interface GaleraCluster {
  readonly nodes: readonly [GaleraNode, GaleraNode, GaleraNode];
  /** Creates an empty database, on every node. */
  create(name: string): Promise<void>;
}

const logSize = "--innodb-log-file-size=32M";
const mariadbd = findExecutable("mariadbd") ?? "mariadbd";
/** where Debian's package galera-4 puts it */
const provider = "/usr/lib/galera/libgalera_smm.so";

/** Failures are noticed within two seconds, instead of five to fifteen: tests wait for that. */
const providerOptions = [
  "gcache.size=32M",
  "evs.keepalive_period=PT0.5S",
  "evs.inactive_check_period=PT0.25S",
  "evs.suspect_timeout=PT2S",
  "evs.inactive_timeout=PT4S",
  "evs.install_timeout=PT4S",
  "pc.wait_prim_timeout=PT60S",
].join(";");

/** The address of a database by these nodes, the first of which is asked as long as it answers. */
export function galeraUrl(nodes: readonly GaleraNode[], database: string): string {
  return `mysql://root@/${database}?socket=${nodes.map(({ socket }) => socket).join(",")}`;
}

/** Starts three nodes. */
export async function startGalera(scope: Scope): Promise<GaleraCluster> {
  const directory = ownedDirectory(scope, "galera", accountNamed("mysql"));
  const hosts = await startSegment(scope, 3);
  const members = hosts.map(({ address }) => address);
  const [one, two, three] = hosts.map((host, index) => new Node({ scope, host, index, directory, members }));
  if (one === undefined || two === undefined || three === undefined) throw new Error("three hosts make three nodes");
  await one.install();
  // All begin with the same data, which belongs to a cluster already: so none has to fetch it from another one.
  await one.found();
  await one.kill("SIGTERM");
  for (const node of [two, three]) await node.copyFrom(one);
  await one.found();
  await Promise.all([two.start(), three.start()]);
  await waitUntil("the cluster is whole", async () => (await one.status("wsrep_cluster_size")) === "3", 60_000);
  return {
    nodes: [one, two, three],
    async create(name) {
      await one.sql(`create database ${name}`);
      const isThere = async (node: Node): Promise<boolean> => (await node.sql(`show databases like '${name}'`)) !== "";
      for (const node of [one, two, three])
        await waitUntil(`${node.name} has the database ${name}`, () => isThere(node));
    },
  };
}

interface NodeParts {
  readonly scope: Scope;
  readonly host: SegmentHost;
  readonly index: number;
  readonly directory: string;
  readonly members: readonly string[];
}

class Node implements GaleraNode {
  readonly name: string;
  readonly socket: string;
  readonly #parts: NodeParts;
  readonly #data: string;
  /** for itself: a server removes what looks like its temporary tables when it starts */
  readonly #temporary: string;
  #running: Running | undefined;

  constructor(parts: NodeParts) {
    this.#parts = parts;
    this.name = `node-${parts.index + 1}`;
    this.#data = `${parts.directory}/${this.name}`;
    this.#temporary = ownedDirectory(parts.scope, `galera/${this.name}-tmp`, accountNamed("mysql"));
    this.socket = `${parts.directory}/${this.name}.sock`;
  }

  async install(): Promise<void> {
    const account = ["--no-defaults", "--user=mysql", "--auth-root-authentication-method=normal", "--skip-test-db"];
    await runOk("mariadb-install-db", [...account, `--datadir=${this.#data}`, `--tmpdir=${this.#temporary}`, logSize]);
  }

  async copyFrom(other: Node): Promise<void> {
    await runOk("cp", ["--archive", other.#data, this.#data]);
  }

  /** Begins the cluster. */
  async found(): Promise<void> {
    await this.#launch("--wsrep-new-cluster");
  }

  async start(): Promise<void> {
    await this.#launch(...(await this.#position()));
  }

  async kill(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    await this.#running?.stop(signal);
  }

  async sql(script: string, database?: string): Promise<string> {
    const { code, stdout, stderr } = await this.#client(script, ...(database === undefined ? [] : [database]));
    if (code !== 0) throw new Error(`${this.name}: ${stderr}`);
    return stdout.trimEnd();
  }

  async status(name: string): Promise<string> {
    return (await this.#client(`show global status like '${name}'`)).stdout.trimEnd().split("\t")[1] ?? "";
  }

  unplug(): Promise<void> {
    return this.#parts.host.unplug();
  }

  plug(): Promise<void> {
    return this.#parts.host.plug();
  }

  async becomes(state: "ready" | "cut off"): Promise<void> {
    const wanted = state === "ready" ? "ON" : "OFF";
    await waitUntil(`${this.name} is ${state}`, async () => (await this.status("wsrep_ready")) === wanted, 60_000);
  }

  #client(script: string, ...args: readonly string[]): ReturnType<typeof run> {
    return run("mariadb", ["--no-defaults", "-uroot", "-S", this.socket, "-N", "-B", ...args], { input: script });
  }

  /** After a crash only InnoDB knows how far this node had come; the others then send what it missed, instead of everything. */
  async #position(): Promise<string[]> {
    if (this.#running === undefined) return [];
    const { stdout, stderr } = await run(mariadbd, [...this.#arguments(), "--wsrep-recover"]);
    const position = /Recovered position:\s*(\S+)/u.exec(stdout + stderr)?.[1];
    return position === undefined ? [] : [`--wsrep-start-position=${position}`];
  }

  #arguments(): string[] {
    const { members, host } = this.#parts;
    return [
      "--no-defaults",
      "--user=mysql",
      `--datadir=${this.#data}`,
      `--socket=${this.socket}`,
      `--pid-file=${this.#data}/pid`,
      `--tmpdir=${this.#temporary}`,
      `--bind-address=${host.address}`,
      "--binlog-format=ROW",
      "--innodb-autoinc-lock-mode=2",
      logSize,
      "--innodb-buffer-pool-size=64M",
      "--max-allowed-packet=64M",
      "--wsrep-on=ON",
      `--wsrep-provider=${provider}`,
      `--wsrep-provider-options=${providerOptions}`,
      `--wsrep-cluster-address=gcomm://${members.join(",")}`,
      `--wsrep-node-address=${host.address}`,
      `--wsrep-node-name=${this.name}`,
      "--wsrep-sst-method=rsync",
    ];
  }

  async #launch(...more: readonly string[]): Promise<void> {
    const [command = "", ...enter] = this.#parts.host.enter;
    const args = [...enter, mariadbd, ...this.#arguments(), ...more];
    const ready = async (): Promise<boolean> => (await this.status("wsrep_ready")) === "ON";
    this.#running = await this.#parts.scope.start(this.name, command, args, { ready });
  }
}
