/** One build to try: what a person would type, and the files that stand beside it. */

/** How the build gets its files. */
export type Delivery =
  /** `build DIRECTORY` */
  | "directory"
  /** `build -f OTHER DIRECTORY` */
  | "named file"
  /** `build -f - DIRECTORY` */
  | "file from input"
  /** `build -`, a Dockerfile on standard input */
  | "input"
  /** `build -`, an archive on standard input */
  | "archive"
  /** `build URL` of a Dockerfile */
  | "url"
  /** `build URL` of an archive */
  | "archive url"
  /** `build -f OTHER URL` of an archive */
  | "named file in archive url"
  /** `build -f - URL` of an archive */
  | "file from input, archive url"
  /** `build -f OTHER -`, an archive on standard input */
  | "named file in archive"
  /** `build -f URL DIRECTORY` */
  | "file from url";

/** A build. Two equal ones do the same. */
export interface GateCase {
  /** part of all names of the case, so that a request shows which case it belongs to: `k1ak` */
  readonly number: string;
  /** one character per byte */
  readonly dockerfile: string;
  /** `["build"]`, `["image", "build"]` */
  readonly command: readonly string[];
  /** flags, each of one word or two */
  readonly flags: readonly (readonly string[])[];
  /** how `-f` is written where the delivery needs it; VALUE stands for its value */
  readonly fileFlag: readonly string[];
  /** how many of the flags stand before the context */
  readonly flagsBefore: number;
  readonly delivery: Delivery;
  /** `ONBUILD` triggers of the signed image {@link Names.trigger} */
  readonly triggers: readonly string[];
  /** `NAME=value`, variables that the same image sets besides PATH */
  readonly environment: readonly string[];
}

/** The names that cases are made from. */
export interface Names {
  readonly number: string;
  /** the registry: `localhost:5000` */
  readonly host: string;
  /** signed images as a Dockerfile may name them */
  readonly good: readonly string[];
  /** the signed image with the case's triggers */
  readonly trigger: string;
  /** unsigned names */
  readonly evil: readonly string[];
  /** names of stages that would be unsigned images */
  readonly stages: readonly string[];
}

/** The number in a name, or undefined when there is none. */
export function numberIn(text: string): string | undefined {
  return /k[0-9a-z]+k/iu.exec(text)?.[0].toLowerCase();
}

/** The same case under names that no case had before. */
export function renumbered(gateCase: GateCase, number: string): GateCase {
  const renamed = (text: string): string =>
    text.replaceAll(gateCase.number, number).replaceAll(gateCase.number.toUpperCase(), number.toUpperCase());
  const { dockerfile, flags, triggers, environment } = gateCase;
  return {
    ...gateCase,
    number,
    dockerfile: renamed(dockerfile),
    flags: flags.map((words) => words.map(renamed)),
    triggers: triggers.map(renamed),
    environment: environment.map(renamed),
  };
}

/** The names of one case. Unsigned ones appear in no other case: whatever an engine remembers from earlier ones does not count. */
export function namesOf(host: string, number: string): Names {
  return {
    number,
    host,
    good: [
      `${host}/good/a:v1`,
      `${host}/good/a:v1`,
      `${host}/good/b`,
      `${host}/good/index:v1`,
      "good:1",
      "docker.io/library/good:1",
    ],
    trigger: `${host}/good/trigger-${number}:v1`,
    evil: [`evil${number}`, `evil${number}:v1`, `${host}/evil/e${number}`, `${host}/good/a:evil${number}`],
    stages: [`s${number}a`, `s${number}b`, `S${number}a`, `evil${number}`],
  };
}
