/** A network of this machine's own: hosts in network namespaces on one switch, each of which a test can unplug. Nothing outside it changes. */
import { runOk, type Scope } from "./processes.ts";

/** One host of a segment. */
export interface SegmentHost {
  readonly address: string;
  /** Words before a command that make it run on this host; the process ID is the command's own. */
  readonly enter: readonly string[];
  /** Takes the host's cable out of the switch. */
  unplug(): Promise<void>;
  plug(): Promise<void>;
}

/** A process that does nothing but keep a namespace: when it ends, the namespace and everything in it goes. */
async function newNamespace(scope: Scope, name: string): Promise<readonly string[]> {
  const { pid } = await scope.start(name, "unshare", ["--net", "sh", "-c", "echo ready; exec sleep infinity"], {
    ready: (log) => log().includes("ready"),
  });
  return ["nsenter", `--net=/proc/${pid}/ns/net`];
}

const namespaceOf = (enter: readonly string[]): string => enter[1]?.replace("--net=", "") ?? "";

async function within(enter: readonly string[], ...command: readonly string[]): Promise<void> {
  const [nsenter = "", ...args] = enter;
  await runOk(nsenter, [...args, ...command]);
}

/** Makes a switch and so many hosts on it. Needs root. */
export async function startSegment(scope: Scope, size: number): Promise<readonly SegmentHost[]> {
  const hub = await newNamespace(scope, "switch");
  await within(hub, "ip", "link", "add", "switch", "type", "bridge");
  await within(hub, "ip", "link", "set", "switch", "up");
  const hosts: SegmentHost[] = [];
  for (let number = 1; number <= size; number += 1) hosts.push(await addHost(scope, hub, number));
  return hosts;
}

async function addHost(scope: Scope, hub: readonly string[], number: number): Promise<SegmentHost> {
  const enter = await newNamespace(scope, `host-${number}`);
  const address = `10.0.0.${number}`;
  const cable = `cable${number}`;
  await within(enter, "ip", "link", "set", "lo", "up");
  await within(enter, "ip", "link", "add", "eth0", "type", "veth", "peer", "name", cable, "netns", namespaceOf(hub));
  await within(enter, "ip", "address", "add", `${address}/24`, "dev", "eth0");
  await within(enter, "ip", "link", "set", "eth0", "up");
  await within(hub, "ip", "link", "set", cable, "master", "switch", "up");
  return {
    address,
    enter,
    unplug: () => within(hub, "ip", "link", "set", cable, "down"),
    plug: () => within(hub, "ip", "link", "set", cable, "up"),
  };
}
