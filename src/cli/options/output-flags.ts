import type { SwitchOption } from "./option.ts";

/** `--json`: the result as one JSON value on standard output; failures too, as `{"error":{code,message,hint}}`. */
export const jsonOption: SwitchOption = { kind: "switch", help: "Print the result as JSON" };

/** `-q`: only the result and errors. */
export const quietOption: SwitchOption = { kind: "switch", short: "q", help: "Print only the result" };
