/**
 * `npm run bench`: Tagseal beside the programs it replaces, in one run on one machine, taking turns. Prints a Markdown
 * table on stdout (progress goes to stderr). Parts can be named: `npm run bench -- start clients pulls server`.
 */
import { cpus } from "node:os";
import {
  missingPeers,
  Scope,
  startDockerRegistry,
  startNotary,
  startTagsealServer,
  type TrustServer,
  writeLayout,
} from "../support/peers.ts";
import { startPostgres } from "../support/database.ts";
import { startUp, verifyAndSign } from "./clients.ts";
import { report, type Row } from "./measure.ts";
import { trustedPulls } from "./pulls.ts";
import { publishes, reads } from "./server.ts";

const parts = ["start", "clients", "pulls", "server"] as const;
type Part = (typeof parts)[number];

async function measure(part: Part, scope: Scope): Promise<Row[]> {
  process.stderr.write(`measuring: ${part}\n`);
  if (part === "start") return await startUp(21);
  const ours = await startTagsealServer(scope);
  if (part === "clients") {
    const registry = await startDockerRegistry(scope);
    const image = await writeLayout(scope.path("image"), "hello");
    return await verifyAndSign(scope, ours, await startNotary(scope), registry, image, [1, 1000, 10_000, 50_000]);
  }
  if (part === "pulls") return await trustedPulls(scope, ours, await startDockerRegistry(scope), [1, 10_000]);
  return await compareServers(scope, ours);
}

async function compareServers(scope: Scope, ours: TrustServer): Promise<Row[]> {
  // A separate database, set up as that of notary-server: durable, on the same disk.
  await using databases = new Scope("bench-database");
  const postgres = await startPostgres(databases);
  await postgres.create("tagseal", "select 1");
  const args = ["--database", postgres.url("tagseal")];
  const onPostgres = await startTagsealServer(scope, { args, env: { TAGSEAL_SIGNER_PASSPHRASE: "bench passphrase" } });
  const servers = [
    { name: "tagseal on SQLite", isOurs: true, server: ours },
    { name: "tagseal on PostgreSQL", isOurs: true, server: onPostgres },
    { name: "notary-server on PostgreSQL", isOurs: false, server: await startNotary(scope, { store: "postgres" }) },
    { name: "notary-server in memory", isOurs: false, server: await startNotary(scope) },
  ];
  return [...(await reads(scope, servers)), ...(await publishes(servers))];
}

async function main(words: readonly string[]): Promise<void> {
  // Set, it makes Node.js and Bun, and none of the peers, parse a file of authorities in every process: a setting of the machine.
  delete process.env["NODE_EXTRA_CA_CERTS"];
  const missing = missingPeers(["docker", "dockerd", "busybox", "notary", "registry", "postgres", "skopeo", "wrk"]);
  if (missing !== false) throw new Error(`the benchmark needs its peers; ${missing}`);
  const wanted = parts.filter((part) => words.length === 0 || words.includes(part));
  const rows: Row[] = [];
  for (const part of wanted) {
    await using scope = new Scope("bench");
    rows.push(...(await measure(part, scope)));
  }
  const [processor] = cpus();
  process.stdout.write(`Node.js ${process.versions.node}, ${cpus().length} × ${processor?.model.trim()}, medians.\n\n`);
  process.stdout.write(`${report(rows)}\n`);
}

await main(process.argv.slice(2));
