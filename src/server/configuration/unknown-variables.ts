/**
 * Variables that look like settings and are not. An unknown member of a file is an error; variables may be set for other programs, so an unknown one
 * is only a warning, but never silent: a misspelt one gives a server another database than its operator believes.
 */

import type { Environment } from "../../environment/environment.ts";
import { signerSettings } from "./signer-settings.ts";
import { serverSettings } from "./server-settings.ts";
import { variableFor } from "./settings.ts";
import type { SettingTable } from "./setting-table.ts";

/** A variable without effect. */
export interface UnknownVariable {
  readonly variable: string;
  /** the name that was probably meant */
  readonly meant: string | undefined;
}

/** Finds the known word that a misspelt one probably means. */
export type Suggest = (word: string, known: Iterable<string>) => string | undefined;

interface Family {
  readonly prefix: string;
  readonly known: ReadonlySet<string>;
  /** prefixes of names that are always accepted: members of sections without effect */
  readonly sections: readonly string[];
  /** every other name is a passphrase's alias */
  readonly hasAliases?: true;
}

function family(prefix: string, table: SettingTable, others: readonly string[], hasAliases?: true): Family {
  const sections = Object.entries(table)
    .filter(([name, setting]) => setting.ignored === true && !name.includes("."))
    .map(([name]) => `${prefix}${variableFor(name)}_`);
  const known = new Set([...Object.keys(table).map(variableFor), ...others].map((name) => `${prefix}${name}`));
  return { prefix, known, sections, ...(hasAliases && { hasAliases }) };
}

const families: readonly Family[] = [
  family("TAGSEAL_SERVER_", serverSettings, []),
  family("NOTARY_SERVER_", serverSettings, []),
  family("TAGSEAL_SIGNER_", signerSettings, ["PASSPHRASE", "FROM_PASSPHRASE"]),
  family("NOTARY_SIGNER_", signerSettings, ["DEFAULT_ALIAS"], true),
];
const everyKnown = families.flatMap(({ known }) => [...known]);

/** Kubernetes puts a service's address into the variables of its pods, under the service's name: `tagseal-server`, `notary-signer`. */
const serviceLink = /^(?:SERVICE_HOST|SERVICE_PORT(?:_.+)?|PORT|PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)$/u;

/** True for what Kubernetes adds, given without the service's name. */
export function isServiceLink(rest: string, value: string): boolean {
  return serviceLink.test(rest) && (rest !== "PORT" || /^\w+:\/\//u.test(value));
}

/** The variables with the prefix of a server's or signer's settings, or nearly so, that have no effect. */
export function unknownVariables(env: Environment, suggest: Suggest): readonly UnknownVariable[] {
  return Object.entries(env).flatMap(([variable, value]) => {
    if (value === undefined || value === "") return [];
    const found = families.find(({ prefix }) => variable.startsWith(prefix));
    return found === undefined ? strayed(variable, suggest) : without(found, variable, value, suggest);
  });
}

function without(
  { prefix, known, sections, hasAliases }: Family,
  variable: string,
  value: string,
  suggest: Suggest,
): readonly UnknownVariable[] {
  // The name of each variable may end in _FILE: its value is then in a file.
  const plain = variable.replace(/_FILE$/u, "");
  const isKnown = known.has(variable) || known.has(plain) || sections.some((section) => variable.startsWith(section));
  if (isKnown || isServiceLink(variable.slice(prefix.length), value)) return [];
  const near = suggest(plain, known);
  const meant = suggest(variable, known) ?? (near === undefined || plain === variable ? near : `${near}_FILE`);
  return hasAliases === true && meant === undefined ? [] : [{ variable, meant }];
}

/** A misspelt prefix: in lower case, or `TAGSEAL_SEVER_…`. */
function strayed(variable: string, suggest: Suggest): readonly UnknownVariable[] {
  const isNear = /^(?:tagseal|notary)_s\w{3,6}_/iu.test(variable);
  if (!isNear) return [];
  const upper = variable.toUpperCase();
  const meant = everyKnown.includes(upper) ? upper : suggest(variable, everyKnown);
  return meant === undefined ? [] : [{ variable, meant }];
}
