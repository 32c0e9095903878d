/** A user whose password takes long to compare, and another client that asks meanwhile whether the server is live. */

/** An `htpasswd` file with `alice`, whose password is `correct horse`. Comparing takes a good part of a second. */
export const slowUsers = "alice:$2b$13$IecicRrXbvqjxZGNUikTvu3kDuQzko5TSZ3yPkq06.13AxXdlhNNe\n";

/**
 * Logs in with a wrong password, asks for the server's health one time after the other until that is answered, and counts.
 *
 * @param attempt no two the same: what was compared once may be remembered
 * @returns the login's status, and how many of the others were answered before it
 */
export async function healthDuringLogin(
  url: string,
  attempt: number,
): Promise<{ readonly login: number; readonly answered: number }> {
  const authorization = `Basic ${Buffer.from(`alice:wrong ${attempt}`).toString("base64")}`;
  const outcome: { login?: number } = {};
  const loggingIn = fetch(`${url}/v2/a/_trust/tuf/root.json`, { headers: { authorization } }).then(async (response) => {
    await response.arrayBuffer();
    outcome.login = response.status;
  });
  let answered = 0;
  for (; outcome.login === undefined; answered += 1) await (await fetch(`${url}/_tagseal/live`)).arrayBuffer();
  await loggingIn;
  return { login: outcome.login, answered };
}
