/** The HTTP client on the runtime of the executable, which sends requests by `fetch`: everything it guarantees on Node.js holds there, too. */
import assert from "node:assert/strict";
import { resolve } from "node:path";
import { test } from "node:test";
import { bunFor, hostTarget } from "../../release/bun.ts";
import { Scope, run } from "../support/processes.ts";

const root = resolve(import.meta.dirname, "../..");
const suites = ["http-client", "redirect", "http-clients", "http-connections", "response-body"];

test("I1, I9: the suites of the HTTP client pass on the executable's runtime", async (t) => {
  const scope = new Scope("executable-http");
  t.after(async () => await scope.close());
  const files = suites.map((name) => `./src/http/client/${name}.test.ts`);
  const { code, stderr } = await run(bunFor(hostTarget()), ["test", ...files], {
    cwd: root,
    env: { HOME: scope.directory },
  });
  assert.equal(code, 0, stderr);
  assert.match(stderr, /^\s*[23]\d pass$/mu);
  assert.match(stderr, /^\s*0 fail$/mu);
});
