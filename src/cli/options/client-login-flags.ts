/** Flags for how clients log in to a server, in the words of the trust server's settings. */
import { UsageError } from "../../errors.ts";
import type { OptionValues, Options } from "./option.ts";

const usersFrom = ["commonName", "dns", "uri", "nobody"] as const;

/** Passwords, certificates and tokens. */
export const clientLoginOptions = {
  htpasswd: {
    kind: "text",
    value: "file",
    complete: "file",
    help: "Names and bcrypt hashes (htpasswd -B) of the users who log in with a password",
  },
  "htpasswd-realm": {
    kind: "text",
    value: "text",
    help: 'What clients show when they ask for the password (default "tagseal")',
  },
  "client-ca": {
    kind: "text",
    value: "file",
    complete: "file",
    help: "Authorities of the client certificates that users log in with, PEM",
  },
  "user-from": {
    kind: "text",
    value: "part",
    complete: usersFrom,
    help: 'The part of a client certificate that is the user\'s name (default "commonName"); nobody: it only admits the connection',
  },
  "token-realm": { kind: "text", value: "url", help: "Where clients get tokens" },
  "token-service": { kind: "text", value: "name", help: "This server's name as tokens spell it: their audience" },
  "token-issuer": { kind: "text", value: "name", help: "Who issues the tokens" },
  "token-jwks": {
    kind: "text",
    value: "file",
    complete: "file",
    help: "Keys of the token issuers, a JSON Web Key Set",
  },
  "token-certs": { kind: "text", value: "file", complete: "file", help: "Certificates of the token issuers, PEM" },
} as const satisfies Options;

/** What the flags say; undefined without any of them. @throws UsageError `USAGE` for flags that lack others */
export function clientLogins(given: OptionValues<typeof clientLoginOptions>) {
  const { htpasswd, "client-ca": caFile } = given;
  const token = tokenSettings(given);
  requireWith(given, "htpasswd-realm", "htpasswd");
  requireWith(given, "user-from", "client-ca");
  if (htpasswd === undefined && caFile === undefined && token === undefined) return undefined;
  return {
    token,
    basic: htpasswd === undefined ? undefined : { htpasswd, realm: given["htpasswd-realm"] },
    mtls: caFile === undefined ? undefined : certificateSettings(caFile, given["user-from"]),
  };
}

function certificateSettings(caFile: string, part: string | undefined) {
  const userFrom = usersFrom.find((known) => known === part);
  if (part !== undefined && userFrom === undefined)
    throw new UsageError("USAGE", `--user-from is "${part}", expected one of ${usersFrom.join(", ")}`);
  // A certificate that names nobody is all that there is to show: it must be there.
  return { caFile, userFrom, required: userFrom === "nobody" };
}

function tokenSettings(given: OptionValues<typeof clientLoginOptions>) {
  const { "token-realm": realm, "token-service": service, "token-issuer": issuer } = given;
  const { "token-jwks": jwks, "token-certs": rootcertbundle } = given;
  const all = [realm, service, issuer, jwks, rootcertbundle];
  if (all.every((value) => value === undefined)) return undefined;
  if (realm === undefined || service === undefined || issuer === undefined || (jwks ?? rootcertbundle) === undefined)
    throw new UsageError("USAGE", "--token-realm, --token-service and --token-issuer go together", {
      hint: "Give all three, and the keys of the issuer with --token-jwks or --token-certs.",
    });
  return { realm, service, issuer, jwks, rootcertbundle };
}

type Flag = keyof typeof clientLoginOptions;

function requireWith(given: OptionValues<typeof clientLoginOptions>, flag: Flag, other: Flag): void {
  if (given[flag] !== undefined && given[other] === undefined)
    throw new UsageError("USAGE", `--${flag} needs --${other}`);
}
