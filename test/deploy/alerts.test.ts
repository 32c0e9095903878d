/** The alert rules, by Prometheus' own judge, on what a running server and signer show. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { after, before, describe, it, type TestContext } from "node:test";
import { startSigner } from "../../src/server/signer/start-signer.ts";
import { serveRepository } from "../server/repository-server.ts";
import { serve } from "../server/running-server.ts";
import { readTags, UploadingPublisher } from "../server/uploading-publisher.ts";
import { parseYaml } from "../support/deploy-tools.ts";
import { ask } from "../support/https-request.ts";
import { anchors } from "../support/markdown.ts";
import { certificates, missingPeers, readText, runOk, Scope } from "../support/peers.ts";

const root = resolve(import.meta.dirname, "../..");
const file = join(root, "deploy/helm/tagseal/files/alerts.yaml");

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly description: string; readonly runbook_url: string };
}

interface Sample {
  readonly series: string;
  readonly value: string;
}

/** What is shown instead of what a healthy process shows, in values of Prometheus' notation, and the alerts that follow. */
interface Sickness {
  readonly shown: Readonly<Record<string, string>>;
  readonly alerts: readonly string[];
}

const server = 'job="tagseal",instance="server"';
const signer = 'job="tagseal-signer",instance="signer"';
const faulty = (part: string): string => `tagseal_server_fault{part="${part}",${server}}`;
const serverMetric = (name: string): string => `tagseal_server_${name}{${server}}`;
const calls = (code: number): string =>
  `notary_server_http_requests_total{operation="GetRole",method="get",code="${code}",${server}}`;

const sicknesses: Readonly<Record<string, Sickness>> = {
  "a server that is down": { shown: { [`up{${server}}`]: "0x30" }, alerts: ["TagsealDown"] },
  "a signer that is down": { shown: { [`up{${signer}}`]: "0x30" }, alerts: ["TagsealDown"] },
  "a server of another job that went down": {
    shown: {
      'up{job="trust",instance="b"}': "1 1 0x30",
      'tagseal_server_build_info{job="trust",instance="b"}': "1 1 stale",
    },
    alerts: ["TagsealDown"],
  },
  "a signer of another job that went down": {
    shown: {
      'up{job="keys",instance="c"}': "1 1 0x30",
      'tagseal_signer_build_info{job="keys",instance="c"}': "1 1 stale",
    },
    alerts: ["TagsealDown"],
  },
  "no server at all": {
    shown: { [`up{${server}}`]: "_x30", "tagseal_server_build_info{*}": "_x30" },
    alerts: ["TagsealAbsent"],
  },
  "a store that is lost": { shown: { [serverMetric("store_lost")]: "1x30" }, alerts: ["TagsealStoreAway"] },
  "a store that takes no writes": { shown: { [faulty("store")]: "1x30" }, alerts: ["TagsealStoreAway"] },
  "a signer that is gone": { shown: { [serverMetric("signer_up")]: "0x30" }, alerts: ["TagsealSignerAway"] },
  "a signer that takes no writes": { shown: { [faulty("signer")]: "1x30" }, alerts: ["TagsealSignerAway"] },
  "a signer without the keys": { shown: { [faulty("signer keys")]: "1x30" }, alerts: ["TagsealSignerLacksKeys"] },
  "a signer's database that is away": {
    shown: { [`tagseal_signer_fault{part="keys",${signer}}`]: "1x30" },
    alerts: ["TagsealSignerKeysUnusable"],
  },
  "timestamps that expire in five hours": {
    shown: { [serverMetric("next_expiry_seconds")]: "18000x30" },
    alerts: ["TagsealTimestampsExpireSoon"],
  },
  "renewals that fail": {
    shown: { [serverMetric("renewals_failed_total")]: "0+1x30" },
    alerts: ["TagsealRenewalsFail"],
  },
  "renewals that are late": { shown: { [serverMetric("renewals_late")]: "3x30" }, alerts: ["TagsealRenewalsFail"] },
  "upkeep that stopped": { shown: { [faulty("freshness")]: "1x30" }, alerts: ["TagsealRenewalsFail"] },
  "a server's certificate with two days left": {
    shown: { [`tagseal_server_certificate_expiry_seconds{purpose="server_certificate",${server}}`]: "172800x30" },
    alerts: ["TagsealCertificateExpiresSoon"],
  },
  "a signer's certificate that has expired": {
    shown: { [`tagseal_signer_certificate_expiry_seconds{purpose="signer_certificate",${signer}}`]: "-5x30" },
    alerts: ["TagsealCertificateExpired", "TagsealCertificateExpiresSoon"],
  },
  "a certificate that cannot be used": {
    shown: { [faulty("server_certificate")]: "1x30" },
    alerts: ["TagsealFilesUnusable"],
  },
  "a file of users that cannot be used": { shown: { [faulty("passwords")]: "1x30" }, alerts: ["TagsealFilesUnusable"] },
  "a signer's authorities that cannot be used": {
    shown: { [`tagseal_signer_fault{part="client_authorities",${signer}}`]: "1x30" },
    alerts: ["TagsealFilesUnusable"],
  },
  "a clock that is behind": {
    shown: { [serverMetric("clock_skew_seconds")]: "-90x30" },
    alerts: ["TagsealClockWrong"],
  },
  "a clock that is doubted": { shown: { [faulty("clock")]: "1x30" }, alerts: ["TagsealClockWrong"] },
  "a part of a release to come": { shown: { [faulty("something new")]: "1x30" }, alerts: ["TagsealFault"] },
  "a tenth of the answers 503": {
    shown: { [calls(200)]: "0+90x30", [calls(503)]: "0+10x30" },
    alerts: ["TagsealErrors"],
  },
  "a few answers 503": { shown: { [calls(200)]: "0+99x30", [calls(503)]: "0+1x30" }, alerts: [] },
  "guessed passwords": {
    shown: { [serverMetric("access_throttled_total")]: "0+5x30" },
    alerts: ["TagsealLoginsThrottled"],
  },
  "a limit of which nine tenths are used": {
    shown: { [`tagseal_server_limit_used{prefix="*",of="repositories",${server}}`]: "91x30" },
    alerts: ["TagsealLimitNear"],
  },
  "an open server": { shown: { [serverMetric("open")]: "1x30" }, alerts: ["TagsealOpen"] },
};

describe("the alert rules", { skip: missingPeers(["promtool", "deploy tools", "openssl"]) }, () => {
  const scope = new Scope("alerts");
  const { groups } = parseYaml(readText(file)) as { groups: readonly { readonly rules: readonly Rule[] }[] };
  const rules = groups.flatMap((group) => group.rules);

  before(() => mkdirSync(scope.directory, { recursive: true }));
  after(async () => await scope.close());

  it("are such that Prometheus loads them", async () => {
    const { stdout } = await runOk("promtool", ["check", "rules", "--lint-fatal", file]);
    assert.match(stdout, new RegExp(`SUCCESS: ${rules.length} rules found`, "u"));
  });

  it("say each how bad it is, what it is, and where to read on", () => {
    for (const { alert, labels, annotations } of rules) {
      assert.ok(["critical", "warning"].includes(labels.severity), alert);
      assert.ok(annotations.summary !== "" && annotations.description !== "", alert);
      const [path = "", anchor] = annotations.runbook_url.split("#");
      assert.match(path, /^docs\/.*\.md$/u, alert);
      const page = readText(join(root, path));
      assert.ok(anchor === undefined || anchors(page).has(anchor), `${alert}: ${annotations.runbook_url}`);
    }
  });

  it("ask for nothing that a server or a signer does not have", async (t) => {
    const shown = await healthy(t, scope);
    const names = new Set(shown.map(({ series }) => series.slice(0, series.indexOf("{"))));
    const known = /\b(?:tagseal|notary_server)_\w+/gu;
    const asked = new Set(rules.flatMap(({ expr }) => [...expr.matchAll(known)].map(([name]) => name)));
    assert.ok(asked.size > 10);
    assert.deepEqual(
      [...asked].filter((name) => !names.has(name)),
      [],
    );
  });

  it("are silent while all is well, and fire for what is not, one for each", async (t) => {
    const shown = await healthy(t, scope);
    const stories = { "nothing wrong": { shown: {}, alerts: [] }, ...sicknesses };
    const tests = Object.entries(stories).map(([name, sickness]) => judged(name, sickness, shown));
    const path = scope.path("alerts.json");
    writeFileSync(path, JSON.stringify({ rule_files: [file], evaluation_interval: "1m", tests }));
    await runOk("promtool", ["test", "rules", path]);
    const fired = new Set(Object.values(sicknesses).flatMap(({ alerts }) => alerts));
    assert.deepEqual([...fired].toSorted(), rules.map(({ alert }) => alert).toSorted());
  });
});

/** One test of promtool: which alerts fire after 25 minutes. */
function judged(name: string, { shown, alerts }: Sickness, all: readonly Sample[]): unknown {
  const isHidden = (series: string): boolean => `${series.slice(0, series.indexOf("{"))}{*}` in shown;
  // promtool has no word for a number that is none
  const usual = all.filter(({ series, value }) => value !== "NaN" && !(series in shown) && !isHidden(series));
  const input = [...usual.map(({ series, value }) => [series, `${value}x30`] as const), ...Object.entries(shown)];
  const firing = alerts.map((alert) => ({ labels: `{alertname="${alert}"}`, value: 1 }));
  return {
    name,
    interval: "1m",
    input_series: input.filter(([series]) => !series.includes("{*}")).map(([series, values]) => ({ series, values })),
    promql_expr_test: [
      { expr: 'count by (alertname) (ALERTS{alertstate="firing"})', eval_time: "25m", exp_samples: firing },
    ],
  };
}

/** What a server and its signer show that have done a bit of everything. */
async function healthy(t: TestContext, scope: Scope): Promise<Sample[]> {
  const { ca, serverCertificate: certFile, serverKey: keyFile } = await certificates(scope);
  const tls = { certFile, keyFile };
  const keys = await startSigner({
    host: "127.0.0.1",
    port: 0,
    tls,
    clientCaFile: ca,
    dataDir: scope.path(`signer-${process.hrtime.bigint()}`),
    metrics: { host: "127.0.0.1", port: 0 },
  });
  t.after(() => keys.close());
  const everybody = async () => ({ allowed: true as const });
  const plain = await serveRepository(t, { authorise: everybody, usageLimits: [{ prefix: "*", repositories: 100 }] });
  await new UploadingPublisher(plain.url, "a/app").begin();
  await readTags(plain.url, "a/app");
  const { url } = await serve(t, { tls, authorise: everybody });
  const own = (await ask(ca, "GET", `${url.replace("127.0.0.1", "localhost")}/metrics`)).body.toString();
  const ofCertificates = own.split("\n").filter((line) => /^tagseal_server_(?:certificate_|fault.*_)/u.test(line));
  const page = `${await (await fetch(`${plain.url}/metrics`)).text()}${ofCertificates.join("\n")}`;
  const ofSigner = await (await fetch(`http://127.0.0.1:${keys.metricsPort ?? 0}/metrics`)).text();
  const up = [server, signer].map((labels) => ({ series: `up{${labels}}`, value: "1" }));
  return [...up, ...samples(page, server), ...samples(ofSigner, signer)];
}

/** The samples of a page of metrics, as Prometheus keeps them. */
function samples(page: string, target: string): Sample[] {
  return page
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => {
      const [, name = "", labels, value = ""] = /^(\w+)(?:\{(.*)\})? (\S+)$/u.exec(line) ?? assert.fail(line);
      return { series: `${name}{${labels === undefined ? "" : `${labels},`}${target}}`, value };
    });
}
