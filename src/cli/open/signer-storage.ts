import type { SignerSettings } from "../../server/configuration/signer-configuration.ts";
import type { Io } from "../io.ts";
import type { OptionValues } from "../options/option.ts";
import type { keyStorageOptions } from "../options/storage-flags.ts";
import { type LoadedSettings, loadSettings, type SettingFiles } from "./setting-sources.ts";

/** A signer's settings, and where they came from. */
export type LoadedSignerSettings = LoadedSettings<
  SignerSettings extends { text(name: infer Name): unknown } ? Name & string : never
>;

/** Loads the signer's settings, for every command that works on its keys. */
export async function loadSignerSettings(
  options: OptionValues<typeof keyStorageOptions>,
  io: Io,
  flags: SettingFiles["flags"] = [],
  told: Pick<SettingFiles, "onUnknown"> = {},
): Promise<LoadedSignerSettings> {
  const { signerSettings, signerVariables } = await import("../../server/configuration/signer-settings.ts");
  const files = { config: options.config, notaryConfig: options["notary-config"], prefixes: signerVariables };
  const storage = [
    { flag: "--data", setting: "server.data_directory", value: options.data },
    { flag: "--database", setting: "storage.db_url", value: options.database },
  ];
  return await loadSettings(signerSettings, { ...files, flags: [...storage, ...flags], ...told }, io);
}
