/** Shows a login to a registry, to find out whether it is accepted. */
import type { Credentials } from "../docker-config/credentials.ts";
import { hasCode, NetworkError } from "../errors.ts";
import { type ConnectionOptions, openConnection } from "./registry-connection.ts";

/**
 * Logs in once.
 *
 * @param registry as in a reference: `docker.io`, `host`, `host:port`
 * @returns an identity token that the registry's token service issued to be kept in the place of the password; undefined when it did not
 * @throws NetworkError `AUTHENTICATION_REFUSED` when the login is not accepted, `REGISTRY_ERROR` for any other answer, and as requests do
 */
export async function checkLogin(
  registry: string,
  credentials: Credentials,
  options: ConnectionOptions,
): Promise<string | undefined> {
  let identityToken: string | undefined;
  const connection = await openConnection(
    { registry },
    {
      ...options,
      credentials: async () => credentials,
      onIdentityToken: (token) => {
        identityToken = token;
      },
    },
  );
  const { base } = connection;
  const { signal } = options;
  try {
    const request = { method: "GET", url: base, ...(signal === undefined ? {} : { signal }) } as const;
    const response = await connection.authenticator.request(request);
    response.discard();
    if (response.status === 200) return identityToken;
    throw refused(base, response.status);
  } catch (error) {
    if (hasCode(error, "AUTHENTICATION_REFUSED") && error instanceof NetworkError && error.status === 401)
      throw refused(base, 401, error);
    throw error;
  } finally {
    connection.close();
  }
}

const reasons: ReadonlyMap<number, string> = new Map([
  [401, " Unauthorized"],
  [403, " Forbidden"],
  [404, " Not Found"],
]);

function refused(base: URL, status: number, cause?: unknown): NetworkError {
  const message = `login attempt to ${base.href} failed with status: ${status}${reasons.get(status) ?? ""}`;
  if (status !== 401 && status !== 403) return new NetworkError("REGISTRY_ERROR", message, { status });
  return new NetworkError("AUTHENTICATION_REFUSED", message, {
    status,
    cause,
    hint: "Check the user name and the password. An access token takes the place of the password.",
  });
}
