/** Declarations of a command's flags: the single source for parsing, help and completion. */

interface OptionBase {
  /** one character, without the dash */
  readonly short?: string;
  /** a sentence fragment for help, without a full stop */
  readonly help: string;
  /** parsed, but left out of help and completion */
  readonly hidden?: boolean;
}

/**
 * What completion looks up on this machine: files, directories, the IDs of private keys, or both keys and files. No key is unlocked for it,
 * and nothing is asked over the network.
 */
export type LookedUp = "file" | "directory" | "key" | "key or file";

/** A flag that is on or off: `--yes`, `--yes=false`. */
export interface SwitchOption extends OptionBase {
  readonly kind: "switch";
}

/** A flag with one value: `--dir DIR`, `--dir=DIR`. The last one given wins. */
export interface TextOption extends OptionBase {
  readonly kind: "text";
  /** the placeholder of the value in help, as in docker: `string`, `file`, … */
  readonly value: string;
  /** shown in help as the default; the command itself applies it */
  readonly default?: string;
  /** what completion offers: something on this machine, or these words */
  readonly complete?: LookedUp | readonly string[];
}

/** A flag that may be given several times; values keep their order. */
export interface ListOption extends OptionBase {
  readonly kind: "list";
  readonly value: string;
  readonly complete?: LookedUp;
}

/** Any flag declaration. */
export type Option = SwitchOption | TextOption | ListOption;

/** A command's flags, by long name without dashes. */
export type Options = Readonly<Record<string, Option>>;

/** The parsed value of one declaration: switches are never undefined, lists are empty when not given. */
export type OptionValue<O extends Option> = O extends SwitchOption
  ? boolean
  : O extends ListOption
    ? readonly string[]
    : string | undefined;

/** The parsed values of a command's flags. */
export type OptionValues<O extends Options> = { readonly [K in keyof O]: OptionValue<O[K]> };
