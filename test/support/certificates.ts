/** A throwaway certificate authority made by openssl, and one certificate for every loopback server of a suite. */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { runOk, type Scope } from "./processes.ts";

/** Paths of PEM files. `serverCertificate` is good for `localhost`, 127.0.0.1 and ::1, as server and as client. */
export interface Certificates {
  readonly ca: string;
  readonly serverCertificate: string;
  readonly serverKey: string;
}

/**
 * Makes the authority and the certificate in `scope` once; later calls for the same `name` return the same files. The certificate is good for
 * `hosts`, too.
 */
export async function certificates(
  scope: Scope,
  name = "certificates",
  hosts: readonly string[] = [],
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
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  await openssl(
    "req",
    "-x509",
    ...curve,
    "-keyout",
    "ca.key",
    "-out",
    "ca.crt",
    "-days",
    "30",
    "-subj",
    "/CN=throwaway test authority",
  );
  await openssl("req", ...curve, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=localhost");
  writeFileSync(
    scope.path(name, "extensions"),
    `subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1${hosts.map((host) => `,DNS:${host}`).join("")}\nextendedKeyUsage=serverAuth,clientAuth\n`,
  );
  await openssl(
    "x509",
    "-req",
    "-in",
    "server.csr",
    "-CA",
    "ca.crt",
    "-CAkey",
    "ca.key",
    "-CAcreateserial",
    "-days",
    "30",
    "-extfile",
    "extensions",
    "-out",
    "server.crt",
  );
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
  const { ca } = await certificates(scope);
  const base = ca.replace(/ca\.crt$/u, `client-${commonName.replaceAll(/\W/gu, "_")}`);
  const made = { certFile: `${base}.crt`, keyFile: `${base}.key` };
  const names = otherNames.length === 0 ? [] : [`subjectAltName=${otherNames.join(",")}`];
  writeFileSync(`${base}.extensions`, [...names, "extendedKeyUsage=clientAuth", ""].join("\n"));
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const subject = ["-keyout", made.keyFile, "-out", `${base}.csr`, "-subj", `/CN=${commonName}`];
  await runOk("openssl", ["req", "-new", ...curve, ...subject]);
  const authority = ["-CA", ca, "-CAkey", ca.replace(/crt$/u, "key"), "-CAcreateserial", "-days", "30"];
  const files = ["-in", `${base}.csr`, "-out", made.certFile, "-extfile", `${base}.extensions`];
  await runOk("openssl", ["x509", "-req", ...authority, ...files]);
  return made;
}
