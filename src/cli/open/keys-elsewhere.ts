import type { Environment } from "../../environment/environment.ts";
import type { KeyService } from "../../server/signer/key-service.ts";

/** Settings of a server or a signer, as far as keys in tokens or by services are concerned. */
export interface KeyServiceSettings {
  readonly settings: { text(name: "keys.store"): string | undefined };
  /** with the values that its `…_FILE` variables refer to */
  readonly env: Environment;
}

/**
 * Opens what uses the keys of a server that are in tokens or by services, and makes new ones where `keys.store` says. No place is asked yet.
 *
 * @throws TagsealError `SERVER_CONFIGURATION`; KeyStoreError `KEY_URI_INVALID`
 */
export async function openKeyService(
  { settings, env }: KeyServiceSettings,
  onWarning: (warning: string) => void,
): Promise<KeyService> {
  const { DrivenKeys } = await import("../serving/driven-keys.ts");
  const service = new DrivenKeys({ store: settings.text("keys.store"), env, onWarning });
  await service.checkUri();
  return service;
}
