/** The way around content trust, for hints: what to type, or who to ask where the machine's policy keeps it on. */

/** A command line that content trust does not cover. */
export interface UncoveredLine {
  /** the command without its arguments, as typed: `docker compose up` */
  readonly command: string;
  /** the machine's policy, which no flag or variable puts aside; undefined where the user may switch content trust off */
  readonly keptOnBy: string | undefined;
}

/**
 * A hint that ends with the way to execute a command without content trust.
 *
 * @param lead what comes before it: `Mount an image with type=image, or`
 * @param act what the user then does, `run it` if omitted
 */
export function withoutTrust(lead: string | undefined, { command, keptOnBy }: UncoveredLine, act = "run it"): string {
  const way =
    keptOnBy === undefined
      ? `${act} without content trust: DOCKER_CONTENT_TRUST=0 ${command}`
      : `ask the administrator of this machine to ${act}: its policy ${keptOnBy} keeps content trust on`;
  return lead === undefined ? `${way.slice(0, 1).toUpperCase()}${way.slice(1)}` : `${lead} ${way}`;
}
