/** Fetches what a build's command line names. */
import { gather } from "../../encoding/gathered-bytes.ts";
import { UsageError } from "../../errors.ts";
import { HttpClient } from "../../http/client/http-client.ts";
import type { BuildRequest } from "./build-request.ts";
import { checkOut } from "./git-context.ts";
import { parseGitSource } from "./git-source.ts";
import { DockerfileRefused } from "./refused.ts";

const maxInputBytes = 16 * 1024 * 1024;

/**
 * Checks a repository out.
 *
 * @returns the context directory
 * @throws UsageError of parsing the address, and of git
 */
export async function checkedOut(request: BuildRequest, url: string): Promise<string> {
  const { env, signal, keepsGitDirectory, directory } = request;
  return await checkOut(parseGitSource(url), { env, signal, keepsGitDirectory, directory });
}

/** The bytes of a Dockerfile. @throws UsageError `DOCKERFILE_REFUSED` when there are too many */
export async function collect(input: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const tooLarge = (): DockerfileRefused =>
    new DockerfileRefused(`the Dockerfile has more than ${maxInputBytes} bytes`);
  return await gather(input, maxInputBytes, tooLarge);
}

/**
 * Fetches a URL. The user who names its address trusts the context; the images in it are checked like any others.
 *
 * @throws UsageError `USAGE` in docker's words for an error status; NetworkError
 */
export async function fetched<T>(
  url: URL,
  { env, signal }: BuildRequest,
  use: (body: AsyncIterable<Uint8Array>) => Promise<T>,
): Promise<T> {
  const http = new HttpClient({ proxyEnv: env, allowPlainHttp: true });
  try {
    const response = await http.request({ method: "GET", url, ...(signal === undefined ? {} : { signal }) });
    if (response.status === 200) return await use(response.body);
    response.discard();
    throw new UsageError(
      "USAGE",
      `unable to download remote context ${url.href}: failed to GET ${url.href} with status ${response.status}`,
    );
  } finally {
    http.close();
  }
}
