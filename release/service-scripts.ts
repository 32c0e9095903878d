/** What a package manager does with services: an upgrade restarts a running one, a removal stops it. */

/** The pieces of shell, which do nothing where systemd is not running: in a container, or below another root. */
export interface ServiceScripts {
  /** after the files are there */
  readonly placed: string;
  /** after those of another release are there */
  readonly upgraded: string;
  /** before the files are removed */
  readonly leaving: string;
  /** after they were removed */
  readonly left: string;
}

const whereSystemdRuns = (command: string): string => `if [ -d /run/systemd/system ]; then ${command}; fi\n`;

/** The scripts for `services`. The state of a server, its keys above all, is never removed. */
export function serviceScripts(services: readonly string[]): ServiceScripts {
  const names = services.join(" ");
  const reload = whereSystemdRuns("systemctl daemon-reload || true");
  return {
    placed: reload,
    upgraded: whereSystemdRuns(`systemctl try-restart ${names} || true`),
    leaving: `if command -v systemctl >/dev/null; then systemctl --no-reload disable ${names} >/dev/null 2>&1 || true; fi
${whereSystemdRuns(`systemctl stop ${names} || true`)}`,
    left: reload,
  };
}
