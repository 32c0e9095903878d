import assert from "node:assert/strict";
import { connect } from "node:net";
import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";
import { reply, startStory } from "../../../test/support/story-server.ts";
import { createThrowawayTls } from "../../sandbox/throwaway-tls.ts";
import { hasCode } from "../../errors.ts";
import { HttpClient } from "./http-client.ts";
import { isInNetwork, proxyFor } from "./proxy.ts";

const env = { HTTP_PROXY: "http://plain.invalid:3128", https_proxy: "tls.invalid:3129" };
const chosen = (url: string, more: Record<string, string> = {}): string | undefined =>
  proxyFor(new URL(url), { ...env, ...more })?.host;

test("chooses the proxy by scheme, and none for loopback", () => {
  assert.equal(chosen("http://a.example/"), "plain.invalid:3128");
  assert.equal(chosen("https://a.example/"), "tls.invalid:3129");
  for (const host of ["localhost", "127.0.0.1", "127.9.9.9", "[::1]"])
    assert.equal(chosen(`https://${host}:5000/`), undefined);
  assert.equal(proxyFor(new URL("https://a.example/"), {}), undefined);
});

test("NO_PROXY: names with their subdomains, addresses, networks, ports, everything", () => {
  const direct: [url: string, noProxy: string][] = [
    ["https://a.example/", "a.example"],
    ["https://sub.a.example/", "other, a.example"],
    ["https://sub.a.example/", ".a.example"],
    ["https://sub.a.example/", "*.a.example"],
    ["https://a.example:5000/", "a.example:5000"],
    ["https://10.1.2.3/", "10.0.0.0/8"],
    ["https://10.1.2.3/", "10.1.2.3"],
    ["https://[2001:db8::1]/", "[2001:db8::1]"],
    ["https://A.EXAMPLE/", "a.example"],
    ["https://a.example/", "*"],
  ];
  for (const [url, noProxy] of direct) assert.equal(chosen(url, { NO_PROXY: noProxy }), undefined, `${url} ${noProxy}`);
  const proxied: [url: string, noProxy: string][] = [
    ["https://a.example/", ".a.example"],
    ["https://nota.example/", "a.example"],
    ["https://a.example:5000/", "a.example:443"],
    ["https://11.1.2.3/", "10.0.0.0/8"],
    ["https://a.example/", ""],
  ];
  for (const [url, noProxy] of proxied)
    assert.equal(chosen(url, { NO_PROXY: noProxy }), "tls.invalid:3129", `${url} ${noProxy}`);
});

test("refuses a proxy that is no web address, without quoting its password", () => {
  assert.throws(
    () => proxyFor(new URL("http://a.example/"), { HTTP_PROXY: "socks5://me:secret@x:1" }),
    (error) => hasCode(error, "USAGE") && !error.message.includes("secret"),
  );
});

test("networks: whole addresses only", () => {
  assert.ok(isInNetwork("192.168.3.4", "192.168.0.0/16"));
  assert.ok(isInNetwork("192.168.3.4", "0.0.0.0/0"));
  for (const [host, network] of [
    ["name", "10.0.0.0/8"],
    ["10.0.0.1", "10.0.0.0/33"],
    ["10.0.0.1", "10.0.0.0/"],
    ["10.0.0.256", "10.0.0.0/8"],
  ] as const) {
    assert.ok(!isInNetwork(host, network), `${host} ${network}`);
  }
});

const tls = createThrowawayTls(new Date());

/** A proxy that sends every tunnel, and every plain request, to one loopback server. */
async function startProxy(t: TestContext, target: number): Promise<{ port: number; seen: string[] }> {
  const seen: string[] = [];
  const proxy = createServer((request, response) => {
    seen.push(`${request.method} ${request.url} ${request.headers["proxy-authorization"]}`);
    reply(response, 200, "through the proxy");
  });
  proxy.on("connect", (request, socket) => {
    seen.push(`${request.method} ${request.url} ${request.headers["proxy-authorization"]}`);
    if (request.url?.startsWith("refused") === true) return socket.end("HTTP/1.1 403 Forbidden\r\n\r\n");
    const upstream = connect(target, "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      upstream.pipe(socket);
      socket.pipe(upstream);
    });
    for (const side of [upstream, socket]) side.on("error", () => side.destroy());
    return undefined;
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  t.after(() => {
    proxy.close();
    proxy.closeAllConnections();
  });
  return { port: (proxy.address() as AddressInfo).port, seen };
}

test("https goes through a tunnel: the proxy sees a name and the proxy's password, no other", async (t) => {
  const server = await startStory(t, (request, response) => reply(response, 200, request.headers.host ?? ""), {
    tls: { cert: tls.certificate, key: tls.key },
  });
  const proxy = await startProxy(t, Number(server.url("/").port));
  const proxyEnv = {
    HTTPS_PROXY: `http://me:p%40ss@127.0.0.1:${proxy.port}`,
    HTTP_PROXY: `http://127.0.0.1:${proxy.port}`,
  };
  // the certificate is for localhost; the tunnel is opened to a name elsewhere
  const http = new HttpClient({ proxyEnv, tls: { insecure: true }, allowPlainHttp: true });
  t.after(() => http.close());
  const headers = { authorization: "Bearer secret" };
  for (let turn = 0; turn < 2; turn++) {
    const response = await http.request({ method: "GET", url: new URL("https://registry.invalid:5000/v2/"), headers });
    assert.equal(Buffer.from(await response.bytes(100)).toString(), "registry.invalid:5000");
  }
  assert.deepEqual(proxy.seen, [`CONNECT registry.invalid:5000 Basic ${Buffer.from("me:p@ss").toString("base64")}`]);
  const plain = await http.request({ method: "GET", url: new URL("http://plain.invalid/x?y=1") });
  assert.equal(Buffer.from(await plain.bytes(100)).toString(), "through the proxy");
  assert.equal(proxy.seen.at(-1), "GET http://plain.invalid/x?y=1 undefined");
});

test("I9: the certificate behind a tunnel is checked for the requested name", async (t) => {
  const server = await startStory(t, (_request, response) => reply(response, 200), {
    tls: { cert: tls.certificate, key: tls.key },
  });
  const proxy = await startProxy(t, Number(server.url("/").port));
  const http = new HttpClient({
    proxyEnv: { HTTPS_PROXY: `http://127.0.0.1:${proxy.port}` },
    tls: { ca: [tls.caCertificate] },
  });
  t.after(() => http.close());
  const asked = http.request({ method: "GET", url: new URL("https://registry.invalid/v2/") });
  await assert.rejects(asked, (error) => hasCode(error, "TLS_UNTRUSTED"));
});

test("I9: the certificate behind a tunnel is checked for the requested address", async (t) => {
  const server = await startStory(t, (_request, response) => reply(response, 200), {
    tls: { cert: tls.certificate, key: tls.key },
  });
  const proxy = await startProxy(t, Number(server.url("/").port));
  // The certificate is for localhost and 127.0.0.1, the names of the proxy, and not for these.
  for (const proxyHost of ["127.0.0.1", "localhost"]) {
    const http = new HttpClient({
      proxyEnv: { HTTPS_PROXY: `http://${proxyHost}:${proxy.port}` },
      tls: { ca: [tls.caCertificate] },
    });
    t.after(() => http.close());
    for (const address of ["192.0.2.7", "[2001:db8::7]"]) {
      const asked = http.request({ method: "GET", url: new URL(`https://${address}/v2/`) });
      await assert.rejects(asked, (error) => hasCode(error, "TLS_UNTRUSTED"));
    }
  }
});

test("a proxy that refuses, or is unreachable, is named without its password", async (t) => {
  const proxy = await startProxy(t, 1);
  for (const port of [proxy.port, 1]) {
    const http = new HttpClient({ proxyEnv: { HTTPS_PROXY: `http://me:secret@127.0.0.1:${port}` } });
    t.after(() => http.close());
    await assert.rejects(http.request({ method: "GET", url: new URL("https://refused.invalid/") }), (error) => {
      assert.ok(hasCode(error, "NETWORK_UNREACHABLE"));
      assert.doesNotMatch(`${error.message} ${error.hint}`, /secret/);
      return true;
    });
  }
});
