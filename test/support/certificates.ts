/** A throwaway certificate authority made by openssl, and one certificate for every loopback server of a suite. */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { runOk, type Scope } from "./processes.ts";

/** Paths of PEM files. `serverCertificate` is good for `localhost`, 127.0.0.1 and ::1, as server and as client. */
export interface Certificates {
  readonly ca: string;
  readonly serverCertificate: string;
  readonly serverKey: string;
}

const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

/**
 * Makes the authority and the certificate in `scope` once; later calls for the same `name` return the same files. The certificate is good for
 * `hosts`, too. A suite that meets later dates asks for more `days` before anything else does.
 */
export async function certificates(
  scope: Scope,
  name = "certificates",
  hosts: readonly string[] = [],
  days = 30,
): Promise<Certificates> {
  const directory = scope.path(name);
  const made: Certificates = {
    ca: scope.path(name, "ca.crt"),
    serverCertificate: scope.path(name, "server.crt"),
    serverKey: scope.path(name, "server.key"),
  };
  if (existsSync(made.serverCertificate)) return made;
  mkdirSync(directory, { recursive: true });
  const openssl = (...args: string[]): Promise<unknown> => runOk("openssl", args, { cwd: directory });
  await openssl(
    "req",
    "-x509",
    ...curve,
    "-keyout",
    "ca.key",
    "-out",
    "ca.crt",
    "-days",
    String(days),
    "-subj",
    "/CN=throwaway test authority",
  );
  writeFileSync(
    scope.path(name, "extensions"),
    `subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1${hosts.map((host) => `,DNS:${host}`).join("")}\nextendedKeyUsage=serverAuth,clientAuth\n`,
  );
  await issue(directory, "server", { ...ofServer, days });
  return made;
}

/** Another certificate of the authority that {@link certificates} makes by default, for a client. */
export interface ClientCertificate {
  readonly certFile: string;
  readonly keyFile: string;
}

/** Makes one for a client with this common name and, as openssl spells them (`DNS:…`, `URI:…`), these other names. */
export async function clientCertificate(
  scope: Scope,
  commonName: string,
  otherNames: readonly string[] = [],
): Promise<ClientCertificate> {
  const directory = dirname((await certificates(scope)).ca);
  const file = `client-${commonName.replaceAll(/\W/gu, "_")}`;
  const names = otherNames.length === 0 ? [] : [`subjectAltName=${otherNames.join(",")}`];
  const extensions = join(directory, `${file}.extensions`);
  writeFileSync(extensions, [...names, "extendedKeyUsage=clientAuth", ""].join("\n"));
  await issue(directory, file, { commonName, extensions });
  return { certFile: join(directory, `${file}.crt`), keyFile: join(directory, `${file}.key`) };
}

let reissues = 0;

/** Another certificate with another key, of the same authority and for the same hosts; its files have their names. */
export async function reissued(scope: Scope, name = "certificates"): Promise<Certificates> {
  const { ca } = await certificates(scope, name);
  const file = `server-${(reissues += 1)}`;
  await issue(dirname(ca), file);
  return { ca, serverCertificate: scope.path(name, `${file}.crt`), serverKey: scope.path(name, `${file}.key`) };
}

const ofServer = { commonName: "localhost", extensions: "extensions" };

/** Makes `FILE.key` and `FILE.crt` beside the authority. */
async function issue(
  directory: string,
  file: string,
  {
    commonName,
    extensions,
    days = 30,
  }: { readonly commonName: string; readonly extensions: string; readonly days?: number } = ofServer,
): Promise<void> {
  const openssl = (...args: string[]): Promise<unknown> => runOk("openssl", args, { cwd: directory });
  await openssl("req", "-new", ...curve, "-keyout", `${file}.key`, "-out", `${file}.csr`, "-subj", `/CN=${commonName}`);
  const authority = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial"];
  const request = ["-in", `${file}.csr`, "-days", String(days), "-extfile", extensions, "-out", `${file}.crt`];
  await openssl("x509", "-req", ...authority, ...request);
}
