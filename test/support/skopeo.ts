/** skopeo, which trusts every registry and policy that a test names. */
import { runOk } from "./processes.ts";

/** Runs skopeo to success. */
export function skopeo(...args: readonly string[]): ReturnType<typeof runOk> {
  return runOk("skopeo", ["--insecure-policy", ...args]);
}

/** Copies an image with all its platforms, byte for byte, between places that may be registries without TLS. */
export function skopeoCopy(from: string, to: string): ReturnType<typeof runOk> {
  const plainHttp = [
    ["src", from],
    ["dest", to],
  ].flatMap(([side = "", place = ""]) => (place.startsWith("docker://") ? [`--${side}-tls-verify=false`] : []));
  return skopeo("copy", "-q", "--all", "--preserve-digests", ...plainHttp, from, to);
}
