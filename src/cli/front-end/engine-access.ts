/** The engine of a docker-shaped command, as far as Tagseal uses its logins and registries. */
import type { EngineInvocation } from "../../engine/command-line/invocation.ts";
import { flagValue, isFlagOn } from "../../engine/command-line/invocation.ts";

/** The settings of an engine that a command uses: docker's are in files; podman's also on its command line. */
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
      /** `--tls-verify=false`: registries count as configured as insecure */
      readonly insecure: boolean;
    };

/** The settings about registries on podman's command line. */
export function podmanAccess(invocation: EngineInvocation): EngineAccess {
  return {
    kind: "podman",
    authFile: flagValue(invocation, "authfile"),
    creds: flagValue(invocation, "creds"),
    certDir: flagValue(invocation, "cert-dir"),
    insecure: flagValue(invocation, "tls-verify") !== undefined && !isFlagOn(invocation, "tls-verify"),
  };
}
