/**
 * A stand-in for docker 29, for machines that have no such docker: the docker of this machine without content trust. It ignores
 * `DOCKER_CONTENT_TRUST`, has no `trust` command but a plugin's, and knows no `--disable-content-trust`.
 */
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { delimiter } from "node:path";
import { findExecutable, type Scope } from "./processes.ts";

/** Where it is, and a PATH in which it comes first. */
export interface Docker29 {
  readonly path: string;
  readonly searchPath: string;
}

const script = `#!/bin/sh
# docker 29 as far as content trust is concerned
config=\${DOCKER_CONFIG:-$HOME/.docker}
command=
skip=
for word in "$@"; do
  if [ -n "$skip" ]; then skip=; continue; fi
  case $word in
    -H | --host | -c | --context | --config | -l | --log-level | --tlscacert | --tlscert | --tlskey) skip=1 ;;
    -*) ;;
    *) command=$word; break ;;
  esac
done
for word in "$@"; do
  case $word in
    --disable-content-trust | --disable-content-trust=*)
      printf 'unknown flag: --disable-content-trust\\n\\nUsage:  docker %s\\n' "$command" >&2
      exit 125
      ;;
    --) break ;;
  esac
done
case "$command $*" in
  ' --version' | ' -v') echo 'Docker version 29.0.0, build 0000000'; exit 0 ;;
  'version version --format {{.Client.Version}}' | 'version version -f {{.Client.Version}}') echo 29.0.0; exit 0 ;;
esac
if [ "$command" = trust ]; then
  plugin=$config/cli-plugins/docker-trust
  if [ -x "$plugin" ] && "$plugin" docker-cli-plugin-metadata | grep -q '"SchemaVersion": *"0.1.0"'; then
    DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND=$0 exec "$plugin" "$@"
  fi
  printf "docker: unknown command: docker trust\\n\\nRun 'docker --help' for more information\\n" >&2
  exit 1
fi
unset DOCKER_CONTENT_TRUST
exec REAL "$@"
`;

/** Writes the stand-in into a separate directory. */
export function installDocker29(scope: Scope): Docker29 {
  const directory = scope.path("docker-29");
  mkdirSync(directory);
  const path = `${directory}/docker`;
  writeFileSync(path, script.replace("REAL", findExecutable("docker") ?? "/usr/bin/docker"));
  chmodSync(path, 0o755);
  return { path, searchPath: [directory, process.env["PATH"] ?? "", "/usr/sbin"].join(delimiter) };
}
