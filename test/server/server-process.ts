/** A trust server on its own: prints its URL and serves the directory in its argument until it is killed. */

import { startServer } from "../../src/server/start-server.ts";

const [dataDir = ""] = process.argv.slice(2);
const { url } = await startServer({ host: "127.0.0.1", port: 0, dataDir });
process.stdout.write(`${url}\n`);
