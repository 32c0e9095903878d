/** A proxy between a client and the trust server: sees every request, and can answer instead of the server. */
import { createServer, request as forwardRequest, type IncomingMessage, type RequestListener } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";

/** A client's request. */
export interface Asked {
  readonly method: string;
  /** the part after `/_trust/tuf/` */
  readonly file: string;
  readonly body: Buffer;
}

/** The answer that a client gets. */
export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** Decides the answer; `forward` asks the server. `silence` leaves the client waiting; `cut` drops the connection. */
export type Tampering = (asked: Asked, forward: () => Promise<Answer>) => Promise<Answer | "silence" | "cut">;

/** A running tampering proxy. */
export interface TamperingProxy {
  readonly url: string;
  /** `GET timestamp.json` and so on, in order */
  readonly requests: string[];
  /** what it does from now on; at first it forwards everything */
  tamper: Tampering;
  close(): void;
}

const honest: Tampering = async (_, forward) => await forward();

/** Keeps every answer it passes on, and gives them again. */
export function recorder(): { record: Tampering; replay: Tampering } {
  const answers = new Map<string, Answer>();
  return {
    record: async ({ file }, forward) => {
      const answer = await forward();
      answers.set(file, answer);
      return answer;
    },
    replay: async ({ file }) => await Promise.resolve(answers.get(file) ?? { status: 404, body: Buffer.of() }),
  };
}

/** Starts one in front of `target`, a server on plain http; it speaks TLS itself when given a certificate (PEM). */
export async function startTamperingProxy(
  target: string,
  tls?: { readonly cert: string; readonly key: string },
): Promise<TamperingProxy> {
  const requests: string[] = [];
  const listener: RequestListener = (request, response) => {
    void respond();
    async function respond(): Promise<void> {
      const body = await bodyOf(request);
      const file = (request.url ?? "").replace(/^.*\/_trust\/tuf\//, "");
      const method = request.method ?? "";
      requests.push(`${method} ${file.replaceAll(/[0-9a-f]{64}/g, "<sha256>")}`);
      const answer = await proxy.tamper({ method, file, body }, async () => await passOn(target, request, body));
      if (answer === "cut") return void request.socket.destroy();
      if (answer === "silence") return;
      response.writeHead(answer.status, answer.headers).end(answer.body);
    }
  };
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const proxy: TamperingProxy = {
    url: `${tls === undefined ? "http" : "https"}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    tamper: honest,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
  return proxy;
}

async function passOn(target: string, from: IncomingMessage, body: Buffer): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const headers = { ...from.headers, host: new URL(target).host };
  forwardRequest(new URL(from.url ?? "", target), { method: from.method, headers, agent: false }, resolve)
    .on("error", reject)
    .end(body);
  const response = await promise;
  const encoding = response.headers["content-encoding"];
  return {
    status: response.statusCode ?? 0,
    headers: encoding === undefined ? {} : { "content-encoding": encoding },
    body: await bodyOf(response),
  };
}

async function bodyOf(message: IncomingMessage): Promise<Buffer> {
  return Buffer.concat(await message.toArray());
}
