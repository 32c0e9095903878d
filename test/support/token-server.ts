/** A little token server as registries and trust servers expect one: RS256 tokens for a right password. */
import { createHash, createPrivateKey, createPublicKey, sign } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { readText, runOk, type Scope } from "./processes.ts";

/** A running token server. */
export interface TokenServer {
  readonly realm: string;
  readonly service: string;
  readonly issuer: string;
  /** PEM file with the certificate its tokens verify against */
  readonly rootcertbundle: string;
  /** every request it saw, in order, without secrets: `GET alice repository:app:push,pull` */
  readonly requests: readonly string[];
}

/** Accounts and their passwords; each may do everything, an unknown visitor only `pull`. */
export type Accounts = Readonly<Record<string, string>>;

const base64url = (value: string): string => Buffer.from(value).toString("base64url");

/** The key ID Docker's libtrust gives a public key: 12 groups of 4 base32 characters of the hashed SPKI. */
export function libtrustKeyId(spki: Buffer): string {
  const hash = createHash("sha256").update(spki).digest().subarray(0, 30);
  const bits = [...hash].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  const letters = (bits.match(/.{5}/gu) ?? []).map(
    (five) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[Number.parseInt(five, 2)],
  );
  return (letters.join("").match(/.{4}/gu) ?? []).join(":");
}

function credentialsOf(request: IncomingMessage): { user: string; password: string } | undefined {
  const encoded = /^Basic (.+)$/u.exec(request.headers.authorization ?? "")?.[1];
  if (encoded === undefined) return undefined;
  const decoded = Buffer.from(encoded, "base64").toString();
  const colon = decoded.indexOf(":");
  return { user: decoded.slice(0, colon), password: decoded.slice(colon + 1) };
}

function grantedAccess(scope: string, known: boolean): object[] {
  const [type = "", ...rest] = scope.split(":");
  const actions = rest.pop()?.split(",") ?? [];
  const granted = known ? actions : actions.filter((action) => action === "pull");
  return [{ type, name: rest.join(":"), actions: granted }];
}

/** Starts a token server for `service`; it ends with the scope. */
export async function startTokenServer(
  scope: Scope,
  accounts: Accounts,
  service = "test registry",
  options: { readonly issuesIdentityTokens?: boolean } = {},
): Promise<TokenServer> {
  const bundle = scope.path("token.crt");
  const keyFile = scope.path("token.key");
  await runOk("openssl", [
    "req",
    "-x509",
    "-newkey",
    "rsa:2048",
    "-nodes",
    "-keyout",
    keyFile,
    "-out",
    bundle,
    "-days",
    "30",
    "-subj",
    "/CN=token",
  ]);
  const key = createPrivateKey(readText(keyFile));
  const kid = libtrustKeyId(createPublicKey(key).export({ type: "spki", format: "der" }));
  const issuer = "test issuer";
  const requests: string[] = [];

  const tokenFor = (user: string, scopes: readonly string[]): string => {
    const now = Math.floor(Date.now() / 1000);
    const access = scopes.flatMap((wanted) => grantedAccess(wanted, user !== ""));
    const claims = {
      iss: issuer,
      sub: user,
      aud: service,
      exp: now + 300,
      nbf: now - 10,
      iat: now,
      jti: String(requests.length),
      access,
    };
    const signed = `${base64url(JSON.stringify({ typ: "JWT", alg: "RS256", kid }))}.${base64url(JSON.stringify(claims))}`;
    return `${signed}.${sign("sha256", Buffer.from(signed), key).toString("base64url")}`;
  };

  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    const url = new URL(request.url ?? "/", "http://localhost");
    const credentials = credentialsOf(request);
    if (request.method === "POST") return void refresh(request, response);
    const scopes = url.searchParams.getAll("scope").filter((wanted) => wanted !== "");
    requests.push(`${request.method} ${credentials?.user ?? "anonymous"} ${scopes.join(" ")}`);
    response.setHeader("Content-Type", "application/json");
    if (credentials !== undefined && accounts[credentials.user] !== credentials.password) {
      response.writeHead(401).end(JSON.stringify({ errors: [{ code: "UNAUTHORIZED", message: "wrong password" }] }));
      return;
    }
    const token = tokenFor(credentials?.user ?? "", scopes);
    const isKept = credentials !== undefined && url.searchParams.get("offline_token") === "true";
    const identity =
      isKept && options.issuesIdentityTokens === true ? { refresh_token: `identity of ${credentials.user}` } : {};
    const answered = { token, access_token: token, expires_in: 300, issued_at: new Date().toISOString() };
    response.end(JSON.stringify({ ...answered, ...identity }));
  };

  /** Exchanges an identity token. */
  const refresh = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    let body = "";
    for await (const chunk of request) body += String(chunk);
    const form = new URLSearchParams(body);
    const [, user = ""] = /^identity of (.+)$/u.exec(form.get("refresh_token") ?? "") ?? [];
    requests.push(`POST ${user}`);
    if (!Object.hasOwn(accounts, user)) return void response.writeHead(401).end("{}");
    const scopes = (form.get("scope") ?? "").split(" ").filter((wanted) => wanted !== "");
    response.end(JSON.stringify({ access_token: tokenFor(user, scopes), expires_in: 300 }));
  };

  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  scope.defer(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo;
  return { realm: `http://localhost:${port}/token`, service, issuer, rootcertbundle: bundle, requests };
}
