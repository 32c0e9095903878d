// Exits with 0 when the URL in its argument answers 200 within two seconds: a health check for images that hold no curl.
// Certificates are not checked: it asks the container it runs in, and believes the answer in nothing but this.
import { get as http } from "node:http";
import { get as https } from "node:https";

const url = new URL(process.argv[2] ?? "https://127.0.0.1:4443/_tagseal/ready");
const get = url.protocol === "https:" ? https : http;
get(url, { rejectUnauthorized: false, agent: false, timeout: 2000 }, ({ statusCode }) =>
  process.exit(statusCode === 200 ? 0 : 1),
)
  .on("timeout", () => process.exit(1))
  .on("error", () => process.exit(1));
