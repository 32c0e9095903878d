import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Metrics } from "./metrics.ts";

const seen = {
  operation: "GetRole",
  method: "GET",
  status: 200,
  durationMs: 2,
  requestBytes: 0,
  responseBytes: 495,
} as const;

describe("metrics", () => {
  it("have the names Notary's server uses, also before the first request", () => {
    const text = new Metrics().toText();
    assert.match(text, /^# TYPE notary_server_http_request_duration_microseconds summary$/mu);
    assert.match(
      text,
      /^notary_server_http_request_duration_microseconds\{operation="DeleteTUF",quantile="0.5"\} NaN$/mu,
    );
    assert.match(text, /^notary_server_http_request_duration_microseconds_count\{operation="Changefeed"\} 0$/mu);
  });

  it("count requests, sum durations and sizes", () => {
    const metrics = new Metrics();
    metrics.observe(seen);
    metrics.observe({ ...seen, durationMs: 4, status: 404 });
    const text = metrics.toText();
    assert.match(text, /^notary_server_http_request_duration_microseconds_sum\{operation="GetRole"\} 6000$/mu);
    assert.match(text, /^notary_server_http_response_size_bytes_count\{operation="GetRole"\} 2$/mu);
    assert.match(text, /^notary_server_http_requests_total\{operation="GetRole",method="get",code="404"\} 1$/mu);
  });

  it("give quantiles of the latest requests", () => {
    const metrics = new Metrics();
    for (let durationMs = 0; durationMs < 2000; durationMs += 1) metrics.observe({ ...seen, durationMs });
    const median = /duration_microseconds\{operation="GetRole",quantile="0.5"\} (\d+)/u.exec(metrics.toText())?.[1];
    assert.equal(median, "1488000");
  });

  it("read our own values at each scrape", () => {
    const metrics = new Metrics();
    let value = 1;
    metrics.addGauge({ name: "tagseal_x", help: "X.", type: "gauge", value: () => value });
    value = 7;
    assert.match(metrics.toText(), /^# HELP tagseal_x X\.\n# TYPE tagseal_x gauge\ntagseal_x 7$/mu);
    metrics.addGauge({ name: "tagseal_y", help: "Y.", type: "gauge", value: () => undefined });
    assert.doesNotMatch(metrics.toText(), /^tagseal_y/mu);
  });
});
