/**
 * docker's flags, of 20.10 to 29 and of buildx together: no flag changed its kind in between. They include those that docker
 * accepts without listing them in its help (`--net`, buildx's ignored ones).
 */
import { flagTable, type FlagTable } from "./flag-table.ts";
import type { ImageWord } from "./command-table.ts";

/** Flags that stand before the command. */
export const dockerGlobalFlags: FlagTable = flagTable({
  switches: "D:debug tls tlsverify v:version help",
  values: "config c:context H:host l:log-level tlscacert tlscert tlskey",
});

/** Flags that may stand between `buildx` and its command. */
export const buildxFlags: FlagTable = flagTable({ switches: "D:debug help", values: "builder" });

const common = "disable-content-trust help";

const transfer = flagTable({ switches: `${common} a:all-tags q:quiet`, values: "platform" });

const build = flagTable({
  switches: `${common} check compress D:debug detach force-rm load no-cache pull push q:quiet rm squash stream`,
  values: `add-host allow annotation attest build-arg build-context builder cache-from cache-to call cgroup-parent cpu-period
    cpu-quota c:cpu-shares cpuset-cpus cpuset-mems f:file iidfile isolation label m:memory memory-swap metadata-file network
    no-cache-filter o:output platform policy print progress provenance root sbom secret security-opt server-config shm-size ssh
    t:tag target ulimit`,
});

const container = flagTable({
  switches: `${common} d:detach init i:interactive no-healthcheck oom-kill-disable privileged P:publish-all q:quiet read-only
    rm sig-proxy t:tty use-api-socket`,
  values: `add-host annotation a:attach blkio-weight blkio-weight-device cap-add cap-drop cgroup-parent cgroupns cidfile
    cpu-count cpu-percent cpu-period cpu-quota cpu-rt-period cpu-rt-runtime c:cpu-shares cpus cpuset-cpus cpuset-mems
    detach-keys device device-cgroup-rule device-read-bps device-read-iops device-write-bps device-write-iops dns dns-opt
    dns-option dns-search domainname entrypoint e:env env-file expose gpus group-add health-cmd health-interval health-retries
    health-start-interval health-start-period health-timeout h:hostname io-maxbandwidth io-maxiops ip ip6 ipc isolation
    kernel-memory l:label label-file link link-local-ip log-driver log-opt mac-address m:memory memory-reservation memory-swap
    memory-swappiness mount name net net-alias network network-alias oom-score-adj pid pids-limit platform p:publish pull
    restart runtime security-opt shm-size stop-signal stop-timeout storage-opt sysctl tmpfs ulimit u:user userns uts v:volume
    volume-driver volumes-from w:workdir`,
});

/** docker's flags by command. */
export const dockerFlags: Readonly<Record<ImageWord, FlagTable>> = {
  push: transfer,
  pull: transfer,
  build,
  create: container,
  run: container,
};
