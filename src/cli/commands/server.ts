import { UsageError } from "../../errors.ts";
import type { LogLevel } from "../../server/server-log.ts";
import { defineCommand } from "../command.ts";
import type { Io } from "../io.ts";
import { parseListenAddress } from "../options/listen-address.ts";
import { untilAborted } from "../options/until-aborted.ts";

const logLevels = ["debug", "info", "error"] as const satisfies readonly LogLevel[];

/** `tagseal server`: the trust server, in the foreground, until it is asked to stop. */
export const command = defineCommand(
  {
    path: "server",
    usage: "--listen HOST:PORT --data DIR [OPTIONS]",
    summary: "Run a trust server",
    description: [
      "Serves the Notary v1 protocol: docker up to 28, docker trust, notary and tagseal publish to it and read from it. Metadata is kept in an embedded database below DIR; the snapshot and timestamp keys are kept there too, encrypted.",
      "Runs in the foreground until SIGTERM or Ctrl-C, then answers what is under way and exits with 0. Logs are JSON lines on standard error. /_notary_server/health and /metrics are for monitoring.",
      "Without --tls-cert and --tls-key it speaks plain HTTP, which clients refuse: put a TLS proxy in front of it then.",
    ],
    options: {
      listen: { kind: "text", value: "host:port", help: "Address to listen on; port 0 takes a free one" },
      data: { kind: "text", value: "dir", complete: "directory", help: "Where everything is kept; made when missing" },
      "tls-cert": { kind: "text", value: "file", complete: "file", help: "Certificate chain, PEM" },
      "tls-key": { kind: "text", value: "file", complete: "file", help: "Private key of the certificate, PEM" },
      "log-level": { kind: "text", value: "level", default: "info", complete: logLevels, help: "debug, info or error" },
    },
    args: { min: 0, max: 0 },
    examples: [
      {
        text: "a server for a team",
        line: "tagseal server --listen 0.0.0.0:4443 --data /var/lib/tagseal --tls-cert server.crt --tls-key server.key",
      },
    ],
    environment: [
      [
        "TAGSEAL_SIGNER_PASSPHRASE",
        "seals the signer's keys; when unset, a file below DIR does, which the first start makes",
      ],
    ],
    endsOnSignal: true,
  },
  async ({ options }, io) => {
    const { host, port } = parseListenAddress(required("listen", options.listen));
    const { startServer } = await import("../../server/start-server.ts");
    const running = await startServer({
      host,
      port,
      dataDir: required("data", options.data),
      tls: tlsFiles(options["tls-cert"], options["tls-key"]),
      signerPassphrase: setOrUndefined(io.env["TAGSEAL_SIGNER_PASSPHRASE"]),
      logLevel: logLevel(options["log-level"]),
      log: logLines(io),
      now: io.now,
    });
    await untilAborted(io.signal);
    await running.close();
    return 0;
  },
);

function required(flag: string, value: string | undefined): string {
  if (value !== undefined && value !== "") return value;
  throw new UsageError("USAGE", `--${flag} is required`, {
    hint: "tagseal server --listen HOST:PORT --data DIR [--tls-cert FILE --tls-key FILE]",
  });
}

function tlsFiles(
  certFile: string | undefined,
  keyFile: string | undefined,
): { certFile: string; keyFile: string } | undefined {
  if (certFile !== undefined && keyFile !== undefined) return { certFile, keyFile };
  if (certFile === undefined && keyFile === undefined) return undefined;
  throw new UsageError("USAGE", "--tls-cert and --tls-key go together: one of them is missing");
}

function setOrUndefined(value: string | undefined): string | undefined {
  return value === "" ? undefined : value;
}

function logLevel(text: string | undefined): LogLevel {
  const level = logLevels.find((known) => known === (text ?? "info"));
  if (level !== undefined) return level;
  throw new UsageError("USAGE", `--log-level: expected ${logLevels.join(", ")}, got "${text}"`);
}

function logLines(io: Io): (line: string) => void {
  return (line) => io.stderr.write(`${line}\n`);
}
