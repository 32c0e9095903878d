/** A trust server on its own: prints its URL and serves the directory in its argument until it is killed. A second argument is JSON with further options. */

import { startServer, type ServerOptions } from "../../src/server/run/start-server.ts";

const [dataDir = "", more = "{}"] = process.argv.slice(2);
const options = JSON.parse(more) as Partial<ServerOptions>;
const log = (line: string): void => void process.stderr.write(`${line}\n`);
const { url } = await startServer({
  host: "127.0.0.1",
  port: 0,
  dataDir,
  ...(more === "{}" ? {} : { log }),
  ...options,
});
process.stdout.write(`${url}\n`);
