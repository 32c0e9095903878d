/**
 * Load over TLS by `wrk`: a native program, so that on a machine of two processors the generator leaves most of them to what is measured.
 */
import { runOk, type TrustServer } from "../support/peers.ts";

/** What a load run found. */
export interface LoadResult {
  readonly perSecond: number;
  /** answers that were not 200, and connections that failed */
  readonly failures: number;
  /** body and headers of one answer, on average */
  readonly bytesEach: number;
}

/** How to ask. */
export interface Load {
  readonly path: string;
  readonly connections: number;
  readonly seconds: number;
  readonly headers?: readonly string[];
  /** a file in wrk's language that says what is asked */
  readonly script?: string;
}

/** Asks for `path` on so many connections at a time, each asking again as soon as it has its answer. */
export async function load(
  server: TrustServer,
  { path, connections, seconds, headers = [], script }: Load,
): Promise<LoadResult> {
  const flags = [
    "-t1",
    `-c${connections}`,
    `-d${seconds}s`,
    "--timeout",
    "20s",
    ...headers.flatMap((text) => ["-H", text]),
    ...(script === undefined ? [] : ["-s", script]),
  ];
  const { stdout } = await runOk("wrk", [...flags, `${server.url}${path}`], { timeoutMs: seconds * 1000 + 60_000 });
  const [requests, bytes] = [numberIn(stdout, /(\d+) requests in/u), bytesIn(stdout)];
  const sockets = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/u.exec(stdout)?.slice(1) ?? [];
  const failures = sockets.map(Number).reduce((sum, count) => sum + count, 0);
  return {
    perSecond: numberIn(stdout, /Requests\/sec:\s+([\d.]+)/u),
    failures: failures + numberIn(stdout, /Non-2xx or 3xx responses: (\d+)/u, 0),
    bytesEach: bytes / requests,
  };
}

/** Like {@link load}, but with a new TLS connection for each request, as docker and notary ask. */
export async function loadReconnecting(server: TrustServer, asked: Load): Promise<LoadResult> {
  // The end of a connection that the server was asked to close counts as a failed read with wrk.
  const result = await load(server, { ...asked, headers: ["Connection: close"] });
  return { ...result, failures: 0 };
}

function numberIn(text: string, pattern: RegExp, absent = Number.NaN): number {
  const found = pattern.exec(text)?.[1];
  return found === undefined ? absent : Number(found);
}

const units: Readonly<Record<string, number>> = { B: 1, KB: 1024, MB: 1024 ** 2, GB: 1024 ** 3 };

function bytesIn(text: string): number {
  const [, amount, unit] = /requests in [^,]+, ([\d.]+)(B|KB|MB|GB) read/u.exec(text) ?? [];
  return Number(amount) * (units[unit ?? ""] ?? Number.NaN);
}
