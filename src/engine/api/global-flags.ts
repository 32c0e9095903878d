/** docker's flags before the command, as far as they locate the engine and docker's own files. */
export interface ConnectionFlags {
  /** `--config`: docker's configuration directory */
  readonly config: string | undefined;
  /** `-H`; the last one given */
  readonly host: string | undefined;
  readonly context: string | undefined;
  readonly tls: boolean | undefined;
  readonly tlsVerify: boolean | undefined;
  readonly tlsCaFile: string | undefined;
  readonly tlsCertFile: string | undefined;
  readonly tlsKeyFile: string | undefined;
}

const shortNames: ReadonlyMap<string, string> = new Map([
  ["H", "host"],
  ["c", "context"],
  ["l", "log-level"],
]);
const withValue: ReadonlySet<string> = new Set([
  "host",
  "context",
  "config",
  "log-level",
  "tlscacert",
  "tlscert",
  "tlskey",
]);

/** Reads the flags; unknown ones do not locate the engine and are left to the real docker. */
export function parseConnectionFlags(words: readonly string[]): ConnectionFlags {
  const given = new Map<string, string>();
  for (let index = 0; index < words.length; index++) {
    const { name, value } = splitFlag(words[index] ?? "");
    if (value !== undefined || !withValue.has(name)) given.set(name, value ?? "true");
    else given.set(name, words[++index] ?? "");
  }
  return {
    config: given.get("config"),
    host: given.get("host"),
    context: given.get("context"),
    tls: switchValue(given.get("tls")),
    tlsVerify: switchValue(given.get("tlsverify")),
    tlsCaFile: given.get("tlscacert"),
    tlsCertFile: given.get("tlscert"),
    tlsKeyFile: given.get("tlskey"),
  };
}

function splitFlag(word: string): { name: string; value: string | undefined } {
  const [, long, longValue] = /^--([^=]+)(?:=(.*))?$/s.exec(word) ?? [];
  if (long !== undefined) return { name: long, value: longValue };
  const [, short = "", shortValue = ""] = /^-([A-Za-z])(.*)$/s.exec(word) ?? [];
  const name = shortNames.get(short) ?? short;
  return { name, value: shortValue === "" ? undefined : shortValue.replace(/^=/, "") };
}

function switchValue(text: string | undefined): boolean | undefined {
  return text === undefined ? undefined : /^(?:1|t|T|true|TRUE|True)$/.test(text);
}
