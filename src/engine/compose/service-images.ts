/** The images of a service: its own, those that it mounts, and those of its hooks. */
import { isJsonObject, type JsonObject, type JsonValue } from "../../encoding/json.ts";
import { ComposeRefused } from "./compose-refused.ts";

/** Resolves an image under content trust. @returns its name for the engine */
export type PinImage = (image: string) => Promise<string>;

/** Members of a service that neither name an image nor start another program. */
const known: ReadonlySet<string> = new Set(
  `annotations attach blkio_config build cap_add cap_drop cgroup cgroup_parent command configs container_name cpu_count cpu_percent
  cpu_period cpu_quota cpu_rt_period cpu_rt_runtime cpu_shares cpus cpuset credential_spec depends_on deploy develop
  device_cgroup_rules devices dns dns_opt dns_search domainname entrypoint environment expose external_links extra_hosts gpus
  group_add healthcheck hostname image init ipc isolation labels links logging mac_address mem_limit mem_reservation mem_swappiness
  memswap_limit network_mode networks oom_kill_disable oom_score_adj pid pids_limit platform ports post_start pre_start pre_stop
  privileged profiles pull_policy read_only restart runtime scale secrets security_opt shm_size stdin_open stop_grace_period
  stop_signal storage_opt sysctls tmpfs tty ulimits use_api_socket user userns_mode uts volume_driver volumes volumes_from
  working_dir`.split(/\s+/u),
);

/** Lets only known members pass. @throws ComposeRefused for one that starts something unchecked, or that Tagseal does not know */
export function refuseUnknownMembers(service: JsonObject): void {
  for (const name of Object.keys(service)) {
    if (known.has(name) || name.startsWith("x-")) continue;
    if (name === "provider") throw new ComposeRefused("its provider is a program that is not checked");
    if (name === "models") throw new ComposeRefused("its models are fetched, and models are not checked");
    throw new ComposeRefused(`${name} may bring in images that are not checked`);
  }
}

/** The same service with a digest for each image that it mounts, and for those of its hooks. */
export async function pinnedBesides(service: JsonObject, pin: PinImage): Promise<JsonObject> {
  const pinned = { ...service };
  if (service["volumes"] !== undefined) pinned["volumes"] = await eachOf(service["volumes"], (one) => mount(one, pin));
  for (const hooks of ["pre_start", "post_start", "pre_stop"]) {
    const given = service[hooks];
    if (given !== undefined) pinned[hooks] = await eachOf(given, (one) => memberPinned(one, "image", pin));
  }
  return pinned;
}

async function mount(value: JsonObject, pin: PinImage): Promise<JsonObject> {
  return value["type"] === "image" ? await memberPinned(value, "source", pin) : value;
}

async function memberPinned(value: JsonObject, name: string, pin: PinImage): Promise<JsonObject> {
  const image = value[name];
  if (image === undefined || image === "") return value;
  return { ...value, [name]: await pin(textOf(image, name)) };
}

async function eachOf(value: JsonValue, change: (one: JsonObject) => Promise<JsonObject>): Promise<JsonValue> {
  if (value === null) return value;
  if (!Array.isArray(value)) throw new ComposeRefused("a list of it is not understood");
  const changed: JsonValue[] = [];
  for (const one of value) {
    // compose writes each mount and each hook as an object
    if (!isJsonObject(one)) throw new ComposeRefused("a list of it is not understood");
    changed.push(await change(one));
  }
  return changed;
}

/** A member that has to be a text. @throws ComposeRefused */
export function textOf(value: JsonValue | undefined, name: string): string {
  if (typeof value === "string") return value;
  throw new ComposeRefused(`${name} of it is not understood`);
}
