/** podman's flags, of 4 and 5 together. podman also takes its global flags after the command. */
import { flagTable, joinTables, type FlagTable } from "./flag-table.ts";
import type { ImageWord } from "./command-table.ts";

/** Flags that stand before the command, or after it. */
export const podmanGlobalFlags: FlagTable = flagTable({
  switches: "help noout r:remote syslog transient-store v:version trace",
  values: `cgroup-manager config conmon c:connection context cpu-profile db-backend events-backend H:host hooks-dir identity
    imagestore log-level max-workers memory-profile module namespace network-cmd-path network-config-dir out pull-option
    registries-conf root runroot runtime runtime-flag ssh storage-driver storage-opt tls-ca tls-cert tls-key tmpdir url
    volumepath`,
});

const common = "disable-content-trust help q:quiet tls-verify";

/** Also of `manifest push`, which alone has the last three switches. */
const push = flagTable({
  switches: `${common} compress force-compression remove-signatures all p:purge rm`,
  values: `add-compression authfile cert-dir compression-format compression-level creds digestfile encrypt-layer encryption-key
    f:format retry retry-delay sign-by sign-by-sigstore sign-by-sigstore-private-key sign-by-sq-fingerprint
    sign-passphrase-file signature-policy`,
});

const pull = flagTable({
  switches: `${common} a:all-tags`,
  values: "arch authfile cert-dir creds decryption-key os platform policy retry retry-delay signature-policy variant",
});

const build = flagTable({
  switches: `${common} all-platforms compat-volumes compress created-annotation D:disable-compression force-rm http-proxy
    force-compression identity-label inherit-annotations inherit-labels layers load log-rusage logsplit no-cache no-hostname no-hosts omit-history pull-always
    pull-never rewrite-timestamp rm save-stages skip-unused-stages squash squash-all
    stage-labels stdin`,
  values: `add-host annotation arch authfile blob-cache build-arg build-arg-file build-context cache-from cache-to cache-ttl
    cdi-config-dir compression-format compression-level cap-add cap-drop cert-dir cgroup-parent cgroupns cpp-flag cpu-period cpu-quota c:cpu-shares cpuset-cpus cpuset-mems creds
    cw decryption-key device dns dns-option dns-search env f:file format from group-add hooks-dir ignorefile iidfile iidfile-raw ipc
    isolation jobs label layer-label logfile manifest m:memory memory-swap metadata-file mount net network os os-feature os-version
    o:output override-arch override-os pid platform progress raw-iidfile retry retry-delay runtime-flag rusage-logfile sbom sbom-image-output sbom-image-purl-output
    sbom-merge-strategy sbom-output sbom-purl-output sbom-scanner-command sbom-scanner-image secret security-opt shm-size
    sign-by signature-policy source-date-epoch source-policy-file ssh t:tag target timestamp ulimit unsetannotation unsetenv unsetlabel userns
    userns-gid-map userns-gid-map-group userns-uid-map userns-uid-map-user uts variant v:volume`,
  optional: "pull",
});

const container = flagTable({
  switches: `${common} d:detach env-host http-proxy init i:interactive no-healthcheck no-hostname no-hosts oom-kill-disable
    passwd privileged P:publish-all read-only read-only-tmpfs replace rm rmi rootfs sig-proxy t:tty unsetenv-all`,
  values: `add-host annotation arch a:attach authfile blkio-weight blkio-weight-device cap-add cap-drop cert-dir cgroup-conf
    cgroup-parent cgroupns cgroups chrootdirs cidfile conmon-pidfile cpu-period cpu-quota cpu-rt-period cpu-rt-runtime
    c:cpu-shares cpus cpuset-cpus cpuset-mems creds decryption-key detach-keys device device-cgroup-rule device-read-bps
    device-read-iops device-write-bps device-write-iops dns dns-opt dns-option dns-search entrypoint e:env env-file env-merge
    expose gidmap gpus group-add group-entry health-cmd health-interval health-log-destination health-max-log-count
    health-max-log-size health-on-failure health-retries health-start-period health-startup-cmd health-startup-interval
    health-startup-retries health-startup-success health-startup-timeout health-timeout h:hostname hosts-file hostuser
    image-volume init-ctr init-path ip ip6 ipc kernel-memory l:label label-file link-local-ip log-driver log-opt mac-address
    m:memory memory-reservation memory-swap memory-swappiness mount name net network network-alias oom-score-adj os
    passwd-entry personality pid pidfile pids-limit platform pod pod-id-file preserve-fd preserve-fds p:publish pull
    rdt-class requires restart retry retry-delay sdnotify seccomp-policy secret security-opt shm-size shm-size-systemd
    signature-policy stop-signal stop-timeout storage-opt subgidname subuidname sysctl systemd timeout tmpfs tz uidmap ulimit
    umask unsetenv u:user userns uts variant v:volume volumes-from w:workdir`,
});

const withGlobals = (table: FlagTable): FlagTable => joinTables(table, podmanGlobalFlags);

/** podman's flags by command. */
export const podmanFlags: Readonly<Record<ImageWord, FlagTable>> = {
  push: withGlobals(push),
  pull: withGlobals(pull),
  build: withGlobals(build),
  create: withGlobals(container),
  run: withGlobals(container),
};
