/** Asks a server once whether it answers, and when its certificate ends. Nothing is judged here. */
import { once } from "node:events";
import { connect } from "node:tls";
import { answeredAt } from "../../http/client/answered-at.ts";
import { HttpClient } from "../../http/client/http-client.ts";
import { allRoots, type TlsSettings } from "../../http/client/trusted-roots.ts";
import type { Io } from "../io.ts";

const patienceMs = 4_000;

/** The status of its answer. @throws TagsealError as requests do */
export async function statusOf(url: URL, tls: TlsSettings, io: Io): Promise<number> {
  return (await ping(url, tls, io)).status;
}

/** The answer of a server, and its clock. */
interface Pong {
  readonly status: number;
  readonly clock: Date | undefined;
}

/** Asks for the page that every trust server has. @throws TagsealError as requests do */
export async function ping(url: URL, tls: TlsSettings, io: Io): Promise<Pong> {
  const http = new HttpClient({
    tls,
    proxyEnv: io.env,
    timeouts: { patienceMs },
    allowPlainHttp: url.protocol === "http:",
  });
  try {
    const base = new URL(`${url.href.replace(/\/$/u, "")}/v2/`);
    const response = await http.request({ method: "GET", url: base, signal: io.signal });
    response.discard();
    return { status: response.status, clock: answeredAt(response) };
  } finally {
    http.close();
  }
}

/** When the certificate of the server expires; undefined when it does not show one now. */
export async function certificateEnd(url: URL, { cert, key, ...settings }: TlsSettings): Promise<Date | undefined> {
  const client = cert === undefined || key === undefined ? {} : { cert, key };
  const port = url.port === "" ? 443 : Number(url.port);
  const host = url.hostname.replace(/^\[|\]$/gu, "");
  const socket = connect({
    host,
    port,
    servername: /^[\d.:]+$|:/u.test(host) ? "" : host,
    ca: await allRoots(settings),
    ...client,
  });
  socket.setTimeout(patienceMs, () => socket.destroy(new Error("no answer")));
  try {
    await once(socket, "secureConnect");
    return new Date(socket.getPeerCertificate().valid_to);
  } catch {
    return undefined; // it answered a moment ago; the expiry of its certificate is then unknown
  } finally {
    socket.destroy();
  }
}
