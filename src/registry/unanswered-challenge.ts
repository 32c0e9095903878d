/** The error for an unanswered challenge: what the server requires, which login is stored, and what to do. */
import { NetworkError } from "../errors.ts";
import type { Challenge } from "./challenge.ts";
import type { Credentials } from "../docker-config/credentials.ts";
import { describeUrl } from "../http/client/network-failure.ts";
import { dockerHub } from "../reference/image-reference.ts";

/** A final 401. */
export interface Unanswered {
  readonly url: URL;
  /** the schemes that the server offered, supported or not */
  readonly challenges: readonly Challenge[];
  readonly credentials: Credentials | undefined;
  /** true when the server has seen them */
  readonly wereShown: boolean;
  /** a command that logs in */
  readonly login: string;
}

/** `AUTHENTICATION_REQUIRED` when a login is missing, else `AUTHENTICATION_REFUSED`. */
export function unanswered(asked: Unanswered): NetworkError {
  const { url, credentials, wereShown, login } = asked;
  const where = describeUrl(url);
  const offered = [...new Set(asked.challenges.map(({ scheme }) => scheme))];
  if (wereShown && credentials !== undefined)
    return refused(
      `${where} does not accept the credentials it was given`,
      `check that you may do this, and log in again: ${login}`,
    );
  if (offered.length === 0)
    return refused(
      `${where} refuses (401) and does not say which authentication it wants`,
      "Ask its operator: a registry or trust server answers 401 with a WWW-Authenticate header.",
    );
  if (!offered.includes("basic") && !offered.includes("bearer"))
    return refused(
      `${where} wants authentication of the kind ${offered.map(shown).join(" or ")}; logins are for Basic and Bearer`,
      "Ask its operator for an address that takes a password or access token, as docker login does.",
    );
  if (credentials === undefined)
    return new NetworkError("AUTHENTICATION_REQUIRED", `${where} requires authentication`, {
      status: 401,
      hint: `Log in first: ${login}`,
    });
  return refused(
    `${where} wants a user name and a password (Basic), and the stored login is ${kinds[credentials.kind]}`,
    `Log in again with a user name and a password or access token: ${login}`,
  );
}

/** The command that logs in to a registry. Without an argument, all but podman log in to Docker Hub. */
export function loginHint(login: string, registry: string): string {
  return registry === dockerHub && !login.startsWith("podman") ? login : `${login} ${registry}`;
}

const kinds: Readonly<Record<Credentials["kind"], string>> = {
  basic: "one that it cannot be shown",
  "identity-token": "an identity token, which only a token service (Bearer) takes",
  "registry-token": "a registry token, which only Bearer takes",
};

function refused(message: string, hint: string): NetworkError {
  return new NetworkError("AUTHENTICATION_REFUSED", message, { status: 401, hint });
}

/** A scheme for messages. The header's grammar allows only visible letters; the server decides its length. */
function shown(scheme: string): string {
  return scheme.slice(0, 1).toUpperCase() + scheme.slice(1, 30);
}
