/** Docker Hub's trust server, which Docker closes on 8 December 2026: the messages for when it does not answer like a trust server. */
import { hasCode, NetworkError, reworded, TagsealError } from "../../errors.ts";

/** Docker Hub's trust server, as built into docker. */
export const hubServer = "https://notary.docker.io";

/** The start of the day that Docker announced. */
const closedAt = new Date("2026-12-08T00:00:00Z");

/** Ways to continue; each works without Docker Hub's trust server. */
const hint =
  "Set DOCKER_CONTENT_TRUST_SERVER to a trust server that signs this image for you, or name the image by its digest. " +
  "To see what here relies on Docker Hub's: tagseal doctor";

const notice = "Docker Hub's trust server notary.docker.io down on 8 December 2026";

/** True once Docker has closed its trust server. */
export function isHubClosed(now: Date): boolean {
  return now >= closedAt;
}

/** The closure, past or coming: a sentence without a full stop. */
export function shutdownNotice(now: Date): string {
  return `${isHubClosed(now) ? "Docker shut" : "Docker shuts"} ${notice}`;
}

/** Failures that show that the server is gone: no answer, or a page that is not metadata. */
const absent = ["METADATA_MISSING", "METADATA_MALFORMED", "REPOSITORY_NOT_SIGNED", "JSON_MALFORMED"] as const;

/**
 * Adds to a failure of Docker Hub's trust server that the server was shut down. Code, class and status stay the same, so that
 * everything that depends on them (exit status, the use of the cache) stays the same, too.
 *
 * @param url the trust server's address
 * @param now before the shutdown, a missing repository and a refused login are ordinary answers
 * @returns `error` itself when it is about something else, or says so already
 */
export function explainShutdown(error: unknown, url: string, now: Date): unknown {
  if (!isHubServer(url) || !(error instanceof TagsealError) || error.message.includes(notice)) return error;
  const isClosed = isHubClosed(now);
  const isLogin = hasCode(error, "AUTHENTICATION_REQUIRED", "AUTHENTICATION_REFUSED");
  const isAbout = error instanceof NetworkError ? isClosed || !isLogin : isClosed && hasCode(error, ...absent);
  return isAbout ? reworded(error, { message: `${error.message}; ${shutdownNotice(now)}`, hint }) : error;
}

/** True for the address of Docker Hub's trust server. */
export function isHubServer(url: string): boolean {
  return URL.parse(url)?.hostname.toLowerCase() === "notary.docker.io";
}
