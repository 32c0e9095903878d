/** The engine that a docker-shaped command works with, as far as its logins and registries count for us, too. */
import type { EngineInvocation } from "../../engine/command-line/invocation.ts";
import { flagValue, isFlagOn } from "../../engine/command-line/invocation.ts";

/** What of an engine's settings a command uses: docker's are in files; podman's command line has a say as well. */
export type EngineAccess =
  | { readonly kind: "docker" }
  | {
      readonly kind: "podman";
      /** `--authfile` */
      readonly authFile: string | undefined;
      /** `--creds` */
      readonly creds: string | undefined;
      /** `--cert-dir`: certificates for every registry */
      readonly certDir: string | undefined;
      /** `--tls-verify=false`: registries are spoken to as if they were configured as insecure */
      readonly insecure: boolean;
    };

/** What podman's command line says about registries. */
export function podmanAccess(invocation: EngineInvocation): EngineAccess {
  return {
    kind: "podman",
    authFile: flagValue(invocation, "authfile"),
    creds: flagValue(invocation, "creds"),
    certDir: flagValue(invocation, "cert-dir"),
    insecure: flagValue(invocation, "tls-verify") !== undefined && !isFlagOn(invocation, "tls-verify"),
  };
}
