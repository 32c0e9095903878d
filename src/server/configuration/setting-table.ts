/** How a program lists its settings: the kinds of values, and what one setting allows. */

/** What a setting holds. `file` is a path, relative to the configuration file; `duration` is `90s`, `15m`, `24h` or `30d`. */
export type SettingKind = "text" | "file" | "number" | "boolean" | "duration" | "names" | "json";

/** One setting. */
export interface Setting {
  readonly kind: SettingKind;
  /** for the documentation: what it means, and its default */
  readonly help: string;
  /** the only values allowed */
  readonly values?: readonly string[];
  /** the values may be in upper case */
  readonly anyCase?: true;
  /** a list written as one text may be separated by spaces, which its items never contain */
  readonly spaced?: true;
  /** the least and the most, both allowed: of a `number`, or of a `duration` as text */
  readonly range?: readonly [number, number] | readonly [string, string];
  /** accepted for existing files, without effect */
  readonly ignored?: true;
}

/** All settings of one program, by name. */
export type SettingTable = Readonly<Record<string, Setting>>;
