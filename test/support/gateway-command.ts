/** `tagseal gateway` and other commands that serve, in this process. */
import { captured } from "../../src/cli/captured-io.ts";
import type { Io } from "../../src/cli/io.ts";
import { main } from "../../src/cli/main.ts";

/** A command that serves. */
export interface StartedCommand {
  /** its address or socket; undefined when the command ended instead */
  readonly url: string | undefined;
  /** what it wrote so far */
  readonly stderr: () => string;
  readonly stop: () => Promise<void>;
}

/** Starts a gateway before a registry, on a free port, without TLS. */
export async function startGatewayCommand(
  upstream: string,
  surroundings: Pick<Io, "env"> & Partial<Pick<Io, "now">>,
): Promise<StartedCommand> {
  const line = ["gateway", "--listen", "127.0.0.1:0", "--upstream", upstream, "--refresh", "1s"];
  return await startServing(line, surroundings);
}

/** Starts any command that serves until it is stopped. */
export async function startServing(
  line: readonly string[],
  surroundings: Pick<Io, "env"> & Partial<Pick<Io, "now">>,
): Promise<StartedCommand> {
  const stop = new AbortController();
  const { io, stderr } = captured({ now: () => new Date(), ...surroundings, signal: stop.signal });
  const ended = main(line, io);
  return {
    url: await listening(io, stderr, ended),
    stderr,
    async stop() {
      stop.abort();
      await ended;
    },
  };
}

async function listening(io: Io, stderr: () => string, ended: Promise<unknown>): Promise<string | undefined> {
  let hasEnded = false;
  void ended.finally(() => (hasEnded = true));
  for (;;) {
    const url = /"event":"listening","(?:url|socket)":"([^"]+)"/u.exec(stderr())?.[1];
    if (url !== undefined || hasEnded) return url;
    io.signal.throwIfAborted();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
