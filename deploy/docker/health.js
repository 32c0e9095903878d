// The health check of the image, which has no curl: exits with 0 when the server, gateway or signer in this container answers within two seconds.
//
// An argument or TAGSEAL_HEALTH_URL sets the URL that must answer 200. Without either it is the server or the gateway on its usual port, with
// TLS or without, or the signer on its usual port. Certificates are not checked: it connects only to its own container, and the answer is used for nothing else.
import { get as http } from "node:http";
import { get as https } from "node:https";
import { connect } from "node:net";

const timeout = 2000;

function answers(url, statuses) {
  const { promise, resolve } = Promise.withResolvers();
  const get = new URL(url).protocol === "https:" ? https : http;
  get(url, { rejectUnauthorized: false, agent: false, timeout }, ({ statusCode }) =>
    resolve(statuses.includes(statusCode)),
  )
    .on("timeout", () => resolve(false))
    .on("error", () => resolve(false));
  return promise;
}

function accepts(port) {
  const { promise, resolve } = Promise.withResolvers();
  connect({ port, host: "127.0.0.1", timeout }, () => resolve(true))
    .on("timeout", () => resolve(false))
    .on("error", () => resolve(false));
  return promise;
}

const named = process.argv[2] ?? process.env.TAGSEAL_HEALTH_URL;
const usual = "127.0.0.1:4443/_tagseal/ready";
const gateway = "127.0.0.1:5443/readyz";
// 401: probes have to log in here (auth.protect_monitoring), and the server is there to say so.
const asked =
  named === undefined
    ? [
        answers(`https://${usual}`, [200, 401]),
        answers(`http://${usual}`, [200, 401]),
        answers(`https://${gateway}`, [200]),
        answers(`http://${gateway}`, [200]),
        accepts(7899),
      ]
    : [answers(named, [200])];
process.exit((await Promise.all(asked)).includes(true) ? 0 : 1);
