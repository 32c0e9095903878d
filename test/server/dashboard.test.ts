/** The ready-made dashboard, and the documentation of what can be graphed, against the metrics of a running server. */

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { ask } from "../support/https-request.ts";
import { makeCertificate } from "../support/token-maker.ts";
import { serveRepository } from "./repository-server.ts";
import { serve, temporaryDirectory } from "./running-server.ts";
import { readTags, UploadingPublisher } from "./uploading-publisher.ts";

const root = resolve(import.meta.dirname, "../..");

interface Dashboard {
  readonly panels: readonly { readonly title: string; readonly targets?: readonly { readonly expr: string }[] }[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly query: string }[] };
}

const dashboard = JSON.parse(readFileSync(resolve(root, "deploy/grafana/tagseal.json"), "utf8")) as Dashboard;
/** Of Prometheus itself. */
const known: ReadonlySet<string> = new Set(["up"]);

/** Names of all series of a server that has done a bit of everything, with the labels they have. */
async function scraped(t: TestContext): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const { url } = await serveRepository(t, { usageLimits: [{ prefix: "*", repositories: 10 }] });
  await new UploadingPublisher(url, "a/app").begin();
  await readTags(url, "a/app");
  const text = (await (await fetch(`${url}/metrics`)).text()) + (await ofCertificates(t));
  const series = new Map<string, Set<string>>();
  for (const line of text.split("\n").filter((found) => found !== "" && !found.startsWith("#"))) {
    const [, name = "", labels = ""] = /^(\w+)(?:\{(.*)\})? \S+$/u.exec(line) ?? assert.fail(line);
    const seen = series.get(name) ?? new Set<string>();
    for (const [, label = ""] of labels.matchAll(/(\w+)="/gu)) seen.add(label);
    series.set(name, seen);
  }
  return series;
}

/** What a server with a certificate has besides. */
async function ofCertificates(t: TestContext): Promise<string> {
  const { pem, key } = await makeCertificate({ name: "localhost", dns: ["localhost"] });
  const directory = temporaryDirectory(t);
  const tls = { certFile: join(directory, "tls.crt"), keyFile: join(directory, "tls.key") };
  writeFileSync(tls.certFile, pem);
  writeFileSync(tls.keyFile, key.export({ type: "pkcs8", format: "pem" }));
  const { url } = await serve(t, { tls });
  const ca = join(directory, "tls.crt");
  const { body } = await ask(ca, "GET", `${url.replace("127.0.0.1", "localhost")}/metrics`);
  return body
    .toString()
    .split("\n")
    .filter((line) => line.includes("certificate_expiry"))
    .join("\n");
}

function metricsIn(expression: string): string[] {
  return [...expression.matchAll(/\b(?:notary_server|tagseal_server|process)_\w+|\bup\b/gu)].map(([name]) => name);
}

describe("the Grafana dashboard", () => {
  it("asks for nothing that a server does not have, by no label that it does not give", async (t) => {
    const series = await scraped(t);
    const expressions = [
      ...dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)),
      ...dashboard.templating.list.map(({ query }) => query),
    ];
    assert.ok(expressions.length > 40);
    for (const expression of expressions) {
      for (const name of metricsIn(expression)) {
        assert.ok(series.has(name) || known.has(name), `${name} in ${expression}`);
        for (const label of ["operation", "code", "quantile"]) {
          const isAsked = new RegExp(`${name}\\{[^}]*\\b${label}=`, "u").test(expression);
          assert.ok(!isAsked || series.get(name)?.has(label) === true, `${label} of ${name}`);
        }
      }
    }
  });

  it("shows whatever is the server's own, and docs/server.md names it", async (t) => {
    const text = JSON.stringify(dashboard);
    const documentation = readFileSync(resolve(root, "docs/server.md"), "utf8");
    for (const name of (await scraped(t)).keys()) {
      if (!name.startsWith("tagseal_server_")) continue;
      const short = name.slice("tagseal_server".length);
      assert.ok(documentation.includes(name) || documentation.includes(`…${short}`), `${name} is not documented`);
      if (!notForDashboards.has(name)) assert.ok(text.includes(name), `${name} is not shown`);
    }
  });
});

/** For who looks closer. */
const notForDashboards: ReadonlySet<string> = new Set([
  "tagseal_server_revision_checks_total",
  ...["reads", "uploads", "keys"].map((pace) => `tagseal_server_limited_${pace}_clients`),
]);
